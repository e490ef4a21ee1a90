/** An issue as defined by Standard Schema */
interface Mistake {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Maximum number of mistakes in one message */
const MAX_MISTAKES = 10;
/** Some messages contain the input, which may be long. */
const MAX_MESSAGE_LENGTH = 200;

/** The issues of a schema in one line: `regions[2].left: …; quality: …`. */
export function describeMistakes(issues: readonly Mistake[]): string {
  const named = issues.slice(0, MAX_MISTAKES).map(describe);
  const others = issues.length - named.length;
  return [...named, ...(others > 0 ? [`and ${others} more`] : [])].join('; ');
}

function describe({ path = [], message }: Mistake): string {
  const name = path
    .map((step) => (typeof step === 'object' ? step.key : step))
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : (at > 0 ? '.' : '') + String(step)))
    .join('');
  const short = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
  return name === '' ? short : `${name}: ${short}`;
}
