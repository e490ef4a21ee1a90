/** Where the service serves objects of its folder to those who come with a valid signature. */
export const ASSETS_PATH = '/api/v1/assets/';
