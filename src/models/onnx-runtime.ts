// First, so that the variable is set before the library is loaded.
import './no-telemetry.ts';

/** The only way to ONNX Runtime: through here it is quiet. */
export { InferenceSession, Tensor } from 'onnxruntime-node';
