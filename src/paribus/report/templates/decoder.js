// A decoder in plain JavaScript: a flat list of operations on arrays, one latent at a time.
// paribus/exports/program.py writes the list; operand n >= 0 is an input or a result, n < 0 is constant -n - 1.
const decoderOf = (() => {
  const count = (shape) => shape.reduce((product, side) => product * side, 1);
  const strides = (shape) => shape.map((_, k) => count(shape.slice(k + 1)));
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  const floats = (text) => new Float32Array(bytes(text).buffer);
  const halves = (text) => Float32Array.from(new Uint16Array(bytes(text).buffer), (bits) => {
    const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, rest = bits & 1023;
    return sign * (power ? 2 ** (power - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024));
  });

  // out[i] = f(x[...], y[...]), sides of 1 repeated
  const broadcast = (f) => ({ shape }, out, x, y) => {
    const stepsOf = (operand) => {
      const missing = shape.length - operand.shape.length, own = strides(operand.shape);
      return shape.map((_, k) => (k < missing || operand.shape[k - missing] === 1 ? 0 : own[k - missing]));
    };
    const [a, b] = [stepsOf(x), stepsOf(y)], last = shape.length - 1;
    let at = 0;
    const walk = (k, i, j) => {
      if (k === last) {
        for (let n = 0; n < shape[k]; n++) out[at++] = f(x.data[i + n * a[k]], y.data[j + n * b[k]]);
      } else for (let n = 0; n < shape[k]; n++) walk(k + 1, i + n * a[k], j + n * b[k]);
    };
    walk(0, 0, 0);
  };
  const each = (f) => (step, out, x) => { for (let i = 0; i < out.length; i++) out[i] = f(x.data[i], step); };

  // out[at + t] += sum over n of weights[n] * source[offsets[n] + t], four at a time
  const mix = (out, at, length, source, offsets, weights) => {
    for (let n = 0; n < offsets.length; n += 4) {
      const a = offsets[n], b = offsets[n + 1], c = offsets[n + 2], d = offsets[n + 3];
      const p = weights[n], q = weights[n + 1], r = weights[n + 2], s = weights[n + 3];
      for (let t = 0; t < length; t++) {
        out[at + t] += p * source[a + t] + q * source[b + t] + r * source[c + t] + s * source[d + t];
      }
    }
  };
  const inFours = (length) => Math.ceil(length / 4) * 4;

  // stride 1: rows are as long as the padded input's, so that one flat pass sums a whole map; then rows are cut
  const conv = ({ shape: [, outputs, height, width], padding, groups }, out, x, y, bias) => {
    const [, inputs, high, wide] = x.shape, side = y.shape[2], row = wide + 2 * padding, area = row * (high + 2 * padding);
    const padded = new Float32Array(inputs * area), maps = new Float32Array(height * row), own = inputs / groups;
    for (let i = 0; i < inputs; i++) for (let r = 0; r < high; r++) {
      const start = (i * high + r) * wide;
      padded.set(x.data.subarray(start, start + wide), i * area + (r + padding) * row + padding);
    }
    const terms = own * side * side, offsets = new Int32Array(inFours(terms)), weights = new Float32Array(inFours(terms));
    for (let o = 0; o < outputs; o++) {
      const first = Math.floor(o / (outputs / groups)) * own;
      for (let n = 0; n < terms; n++) {
        const k = n % (side * side);
        offsets[n] = (first + Math.floor(n / (side * side))) * area + Math.floor(k / side) * row + k % side;
      }
      weights.set(y.data.subarray(o * terms, (o + 1) * terms));
      maps.fill(bias ? bias.data[o] : 0);
      mix(maps, 0, (height - 1) * row + width, padded, offsets, weights);
      for (let r = 0; r < height; r++) out.set(maps.subarray(r * row, r * row + width), (o * height + r) * width);
    }
  };

  // each place in the kernel: the input's maps summed, then laid out at every `stride`-th pixel
  const convTranspose = ({ shape: [, outputs, height, width], stride, padding }, out, x, y, bias) => {
    const [, inputs, high, wide] = x.shape, side = y.shape[2], area = high * wide, maps = new Float32Array(area);
    const offsets = new Int32Array(inFours(inputs)).map((_, i) => (i < inputs ? i * area : 0));
    const weights = new Float32Array(inFours(inputs));
    for (let o = 0; o < outputs; o++) {
      if (bias) out.fill(bias.data[o], o * height * width, (o + 1) * height * width);
      for (let k = 0; k < side * side; k++) {
        const up = Math.floor(k / side) - padding, left = k % side - padding;
        for (let i = 0; i < inputs; i++) weights[i] = y.data[(i * outputs + o) * side * side + k];
        maps.fill(0);
        mix(maps, 0, area, x.data, offsets, weights);
        for (let r = 0; r < high; r++) for (let c = 0; c < wide; c++) {
          const row = r * stride + up, column = c * stride + left;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          out[(o * height + row) * width + column] += maps[r * wide + c];
        }
      }
    }
  };

  const matmul = (step, out, x, y) => {
    const [rows, inner] = x.shape.slice(-2), columns = y.shape.at(-1);
    for (let batch = 0; batch < out.length / (rows * columns); batch++) for (let r = 0; r < rows; r++) {
      const target = (batch * rows + r) * columns;
      for (let k = 0; k < inner; k++) {
        const value = x.data[(batch * rows + r) * inner + k], source = (batch * inner + k) * columns;
        for (let c = 0; c < columns; c++) out[target + c] += value * y.data[source + c];
      }
    }
  };

  // copies a block of x (as it is, or in another order of its sides) into a block of `out`
  const copy = (sides, out, offset, to, x, start, from) => {
    const last = sides.length - 1;
    const walk = (k, i, j) => {
      for (let n = 0; n < sides[k]; n++) {
        if (k === last) out[i + n * to[k]] = x[j + n * from[k]];
        else walk(k + 1, i + n * to[k], j + n * from[k]);
      }
    };
    walk(0, offset, start);
  };
  const permute = ({ shape, order }, out, x) => {
    const from = strides(x.shape);
    copy(shape, out, 0, strides(shape), x.data, 0, order.map((k) => from[k]));
  };
  const slice = ({ shape, dim, start }, out, x) => {
    const from = strides(x.shape);
    copy(shape, out, 0, strides(shape), x.data, start * from[dim], from);
  };
  const cat = ({ shape, dim }, out, ...parts) => {
    const to = strides(shape);
    let place = 0;
    for (const part of parts) {
      copy(part.shape, out, place * to[dim], to, part.data, 0, strides(part.shape));
      place += part.shape[dim];
    }
  };

  const nearest = ({ shape: [, channels, height, width] }, out, x) => {
    const [, , high, wide] = x.shape;
    let at = 0;
    for (let channel = 0; channel < channels; channel++) for (let r = 0; r < height; r++) {
      const row = (channel * high + Math.floor(r * high / height)) * wide;
      for (let c = 0; c < width; c++) out[at++] = x.data[row + Math.floor(c * wide / width)];
    }
  };
  const maxPool = ({ shape: [, channels, height, width] }, out, x) => {
    const [, , high, wide] = x.shape;
    out.fill(-Infinity);
    for (let channel = 0; channel < channels; channel++) for (let r = 0; r < Math.min(high, 2 * height); r++) {
      for (let c = 0; c < Math.min(wide, 2 * width); c++) {
        const at = (channel * height + (r >> 1)) * width + (c >> 1);
        out[at] = Math.max(out[at], x.data[(channel * high + r) * wide + c]);
      }
    }
  };
  const softmax = ({ shape }, out, x) => {
    const length = shape.at(-1);
    for (let start = 0; start < out.length; start += length) {
      const row = x.data.subarray(start, start + length), most = row.reduce((a, b) => Math.max(a, b));
      let sum = 0;
      for (let k = 0; k < length; k++) sum += out[start + k] = Math.exp(row[k] - most);
      for (let k = 0; k < length; k++) out[start + k] /= sum;
    }
  };

  const operations = {
    add: broadcast((a, b) => a + b), sub: broadcast((a, b) => a - b),
    mul: broadcast((a, b) => a * b), div: broadcast((a, b) => a / b),
    relu: each((a) => Math.max(a, 0)), leaky_relu: each((a, { slope }) => (a < 0 ? a * slope : a)),
    tanh: each(Math.tanh), sigmoid: each((a) => 1 / (1 + Math.exp(-a))), exp: each(Math.exp),
    conv, conv_transpose: convTranspose, matmul, permute, slice, cat, nearest, max_pool: maxPool, softmax,
  };

  // the function (latent, class code) => pixels in [0, 1], channel by channel
  const decoderOf = ({ inputs, steps, shapes, weights, output }) => {
    const all = halves(weights);
    let start = 0;
    const constants = shapes.map((shape) => ({ shape, data: all.subarray(start, start += count(shape)) }));
    return (...given) => {
      const values = given.map((data, k) => ({ shape: [1, inputs[k]], data }));
      const operand = (n) => (n === undefined ? undefined : n < 0 ? constants[-n - 1] : values[n]);
      for (const step of steps) {
        const operands = [...[step.x].flat(), step.y, step.bias].map(operand);
        if (step.op === "reshape") values.push({ shape: step.shape, data: operands[0].data });
        else {
          const data = new Float32Array(count(step.shape));
          operations[step.op](step, data, ...operands.filter((one) => one !== undefined));
          values.push({ shape: step.shape, data });
        }
      }
      return values[output].data;
    };
  };
  return Object.assign(decoderOf, { floats });
})();
