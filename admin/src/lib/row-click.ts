/** Whether a click anywhere in a row is to open it: not on a link in it, which opens by itself, and not when text is selected. */
export function opensRow(event: MouseEvent): boolean {
  const onLink = (event.target as Element).closest('a') !== null;
  return !onLink && !getSelection()?.toString();
}
