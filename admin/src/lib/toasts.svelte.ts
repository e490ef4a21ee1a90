export interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'danger';
  readonly text: string;
  readonly link?: { readonly href: string; readonly label: string };
}

const SHOWN_MS = 8000;

let shown = $state.raw<readonly Toast[]>([]);
let count = 0;

export const toasts = {
  get shown(): readonly Toast[] {
    return shown;
  },
  add(toast: Omit<Toast, 'id'>): void {
    const id = ++count;
    shown = [...shown, { ...toast, id }];
    setTimeout(() => {
      toasts.dismiss(id);
    }, SHOWN_MS);
  },
  dismiss(id: number): void {
    shown = shown.filter((toast) => toast.id !== id);
  },
};
