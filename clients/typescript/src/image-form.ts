/** The bytes of a file: a File or Blob of a browser, a Blob of `openAsBlob`, a Buffer */
export type ImageSource = Blob | Uint8Array | ArrayBuffer;

/** A file with its name, which may have folders: `{ name: 'day 1/a.jpg', data }` */
export type NamedImage = File | { readonly name: string; readonly data: ImageSource };

/** A form with the options as fields: texts as they are, other values as JSON */
export function formOf(fields: Readonly<Record<string, unknown>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return form;
}

export function imageForm(image: ImageSource, options: object): FormData {
  const form = formOf({ ...options });
  form.append('file', asBlob(image), image instanceof File ? image.name : 'image');
  return form;
}

export function asBlob(source: ImageSource): Blob {
  // Blob takes any bytes that are not shared between threads, and rejects those.
  return source instanceof Blob ? source : new Blob([source as ArrayBuffer]);
}
