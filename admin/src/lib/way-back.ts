/** Whether the last navigation used the browser history: then a list is shown as it was left. */
export const wayBack = { latest: false };
