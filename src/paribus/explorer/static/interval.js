// The interval of a share.

const Z = 1.959963984540054; // of the normal distribution, 97.5 %

/** Wilson's 95 % interval of `wrong` among `count` (Wilson 1927, JASA 22). */
export function wilson(wrong, count) {
  const share = wrong / count, squared = (Z * Z) / count;
  const middle = (share + squared / 2) / (1 + squared);
  const half = (Z * Math.sqrt((share * (1 - share)) / count + squared / (4 * count))) / (1 + squared);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
