/**
 * ONNX Runtime 1.30 sends telemetry to mobile.events.data.microsoft.com and stores a device ID in the home folder, unless
 * this variable is set when the library is loaded. A service that processes private photos must not send any.
 * The variable must be set on the main thread: the library does not see the environment of a worker thread.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
