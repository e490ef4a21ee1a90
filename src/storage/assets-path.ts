/** Path at which the service serves the objects of its folder, if the URL has a valid signature. */
export const ASSETS_PATH = '/api/v1/assets/';
