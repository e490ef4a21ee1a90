/** Whether the latest step was one through the browser's history: then a list is shown as it was left. */
export const wayBack = { latest: false };
