/** As Standard Schema has it. */
interface Mistake {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Nobody mends more at a time. */
const MAX_MISTAKES = 10;
/** Some messages repeat what was sent. */
const MAX_MESSAGE_LENGTH = 200;

/** What a schema found, as a problem's detail tells it: `regions[2].left: …; quality: …`. */
export function describeMistakes(issues: readonly Mistake[]): string {
  const told = issues.slice(0, MAX_MISTAKES).map(describe);
  const untold = issues.length - told.length;
  return [...told, ...(untold > 0 ? [`and ${untold} more`] : [])].join('; ');
}

function describe({ path = [], message }: Mistake): string {
  const name = path
    .map((step) => (typeof step === 'object' ? step.key : step))
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : (at > 0 ? '.' : '') + String(step)))
    .join('');
  const short = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
  return name === '' ? short : `${name}: ${short}`;
}
