/** Filters are part of the URL, so that a view can be bookmarked and shared. */

/** The given parameters of the URL; the service validates their values. */
export function filtersOf(search: Pick<URLSearchParams, 'get'>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = search.get(name);
      return value === null || value === '' ? [] : [[name, value]];
    }),
  );
}

/** The fields of a form as a URL query, without empty ones. */
export function queryOf(form: HTMLFormElement): string {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value !== 'string' || value.trim() === '') continue;
    const isTime = form.querySelector(`input[type="datetime-local"][name="${name}"]`) !== null;
    // The console shows the end of an ID after an ellipsis, which may have been copied with it.
    query.set(name, isTime ? new Date(value).toISOString() : value.trim().replace(/^…/, ''));
  }
  return query.size > 0 ? `?${query}` : '?';
}

/** ISO 8601 → value of a datetime-local field, in local time. */
export function toLocalField(iso: string | undefined): string {
  if (iso === undefined || Number.isNaN(Date.parse(iso))) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
