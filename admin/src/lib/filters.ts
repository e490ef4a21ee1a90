/** Filters live in the address, so that a view can be kept, shared and gone back to. */

/** The wanted parameters that the address holds; the service checks their values. */
export function filtersOf(search: Pick<URLSearchParams, 'get'>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = search.get(name);
      return value === null || value === '' ? [] : [[name, value]];
    }),
  );
}

/** A form's fields as an address's query; empty ones are left out. */
export function queryOf(form: HTMLFormElement): string {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value !== 'string' || value.trim() === '') continue;
    const isTime = form.querySelector(`input[type="datetime-local"][name="${name}"]`) !== null;
    query.set(name, isTime ? new Date(value).toISOString() : value.trim());
  }
  return query.size > 0 ? `?${query}` : '?';
}

/** ISO 8601 → what a field of type datetime-local takes, in this place's time. */
export function toLocalField(iso: string | undefined): string {
  if (iso === undefined || Number.isNaN(Date.parse(iso))) return '';
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
