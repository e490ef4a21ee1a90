export const JOBS_PATH = 'api/v1/jobs';

/** Where the owner of a batch downloads its results */
export function resultPath(id: string): string {
  return `/${JOBS_PATH}/${id}/result`;
}
