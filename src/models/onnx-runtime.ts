// First, so that the variable is set before the library is loaded.
import './no-telemetry.ts';

/** The only import of ONNX Runtime, so that telemetry is always off. */
export { InferenceSession, Tensor } from 'onnxruntime-node';
