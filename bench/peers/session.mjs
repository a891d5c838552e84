// One ONNX session and how rows become a tensor and back.
import ort from 'onnxruntime-node';

export async function openSession(file) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  return async (rows) => {
    const width = rows[0].length;
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, index) => data.set(row, index * width));
    const answer = await session.run({ [input]: new ort.Tensor('float32', data, [rows.length, width]) });
    const values = answer[output].data;
    const size = values.length / rows.length;
    return rows.map((_, index) =>
      size === 1 ? values[index] : Array.from(values.subarray(index * size, (index + 1) * size)));
  };
}
