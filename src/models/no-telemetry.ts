/**
 * ONNX Runtime 1.30 reports to its maker (mobile.events.data.microsoft.com) and keeps a device id in the home folder,
 * unless this variable is set when the library is loaded. A service that is trusted with photographs tells nobody.
 * It has to be set on the main thread: the environment of a worker thread is a copy that the library does not see.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
