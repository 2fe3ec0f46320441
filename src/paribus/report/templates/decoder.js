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

  // first and last place in a row of `length` whose partner `place * stride + offset` lies in a row of `other`
  const range = (length, other, stride, offset) => [
    Math.max(0, Math.ceil(-offset / stride)), Math.min(length - 1, Math.floor((other - 1 - offset) / stride)),
  ];

  // both convolutions: for each pair of channels and each place in the kernel, rows times one number
  const convolve = (step, out, x, y, bias) => {
    const [, outputs, height, width] = step.shape, [, inputs, high, wide] = x.shape;
    const { stride, padding, groups } = step, side = y.shape[2], transposed = step.op === "conv_transpose";
    const from = inputs / groups, to = outputs / groups, area = height * width;
    if (bias) for (let o = 0; o < outputs; o++) out.fill(bias.data[o], o * area, (o + 1) * area);
    for (let o = 0; o < outputs; o++) for (let n = 0; n < from; n++) {
      const i = Math.floor(o / to) * from + n, kernel = (transposed ? i * outputs + o : o * from + n) * side * side;
      for (let k = 0; k < side * side; k++) {
        const weight = y.data[kernel + k], up = Math.floor(k / side) - padding, left = k % side - padding;
        if (transposed) {
          const [top, bottom] = range(high, height, stride, up), [first, last] = range(wide, width, stride, left);
          for (let r = top; r <= bottom; r++) {
            const source = (i * high + r) * wide, target = o * area + (r * stride + up) * width + left;
            for (let c = first; c <= last; c++) out[target + c * stride] += weight * x.data[source + c];
          }
        } else {
          const [top, bottom] = range(height, high, stride, up), [first, last] = range(width, wide, stride, left);
          for (let r = top; r <= bottom; r++) {
            const source = (i * high + r * stride + up) * wide + left, target = o * area + r * width;
            for (let c = first; c <= last; c++) out[target + c] += weight * x.data[source + c * stride];
          }
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
    conv: convolve, conv_transpose: convolve, matmul, permute, slice, cat, nearest, max_pool: maxPool, softmax,
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
