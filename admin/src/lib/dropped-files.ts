/** A file, with its folders in its name: `shoot/day 1/photo.jpg` */
export interface NamedFile {
  readonly name: string;
  readonly file: File;
}

/** The files that were dropped, and those in dropped folders. */
export async function droppedFiles({ items }: DataTransfer): Promise<NamedFile[]> {
  // All entries first: the browser clears the list as soon as the event has ended.
  const entries = [...items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const files: NamedFile[] = [];
  for (const entry of entries) {
    if (entry instanceof File) files.push({ name: entry.name, file: entry });
    else if (entry !== null) await collect(entry, files);
  }
  return files;
}

/** The files of a file field; one for a folder gives their names with folders. */
export function chosenFiles(chosen: FileList | null): NamedFile[] {
  const files = [...(chosen ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
  return files.filter(({ name }) => !(name.includes('/') && isHidden(name)));
}

async function collect(entry: FileSystemEntry, files: NamedFile[]): Promise<void> {
  const name = entry.fullPath.replace(/^\//, '');
  if (isDirectory(entry)) {
    for (const child of await childrenOf(entry)) await collect(child, files);
  } else if (!(name.includes('/') && isHidden(name))) {
    const file = await new Promise<File>((resolve, reject) => {
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    files.push({ name, file });
  }
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** A reader returns a part of the folder each time, and at last nothing. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (part.length === 0) return children.toSorted((one, other) => one.name.localeCompare(other.name));
    children.push(...part);
  }
}

/** What systems add to folders, and no person means */
function isHidden(path: string): boolean {
  return /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini)$/i.test(path);
}
