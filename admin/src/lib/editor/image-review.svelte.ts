import { type AdminVersion, type ImageDetail, readVersions } from '../api/admin.ts';
import { Loader } from '../loader.svelte.ts';
import { readDraft } from './draft.ts';
import { MaskEditor } from './mask-editor.svelte.ts';

/** The versions of the image that a page shows, and what is done with them. */
export class ImageReview {
  imageId = $state('');
  readonly versions = new Loader<readonly AdminVersion[]>();
  editor = $state.raw<MaskEditor>();
  comparing = $state(false);
  readonly served = $derived(this.versions.value?.find(({ is_served }) => is_served));

  /** Whether there are changes that are not saved. */
  get dirty(): boolean {
    return this.editor?.dirty ?? false;
  }

  open(imageId: string): void {
    this.stopEditing();
    this.comparing = false;
    this.versions.clear();
    this.imageId = imageId;
    void this.read();
  }

  read(): Promise<void> {
    return this.versions.load((signal) => readVersions(this.imageId, signal));
  }

  /** What was left behind when the page was reloaded or left is shown again. */
  resume(image: ImageDetail): void {
    if (this.editor === undefined && readDraft(image.id) !== undefined) this.edit(image);
  }

  edit({ id, width, height }: ImageDetail): void {
    if (this.served === undefined || width === null || height === null) return;
    this.comparing = false;
    this.editor = new MaskEditor(id, { width, height }, this.served);
  }

  stopEditing(): void {
    this.editor?.close();
    this.editor = undefined;
  }
}
