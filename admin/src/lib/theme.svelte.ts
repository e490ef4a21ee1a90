export type Theme = 'system' | 'light' | 'dark';

const KEY = 'theme';

function remembered(): Theme {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : 'system';
  } catch {
    // Storage is blocked: the theme applies to this page only.
    return 'system';
  }
}

let chosen = $state<Theme>(remembered());

export const theme = {
  get chosen(): Theme {
    return chosen;
  },
  /** Sets it for this page and, if the browser allows it, for later pages. */
  choose(next: Theme): void {
    chosen = next;
    if (next === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = next;
    try {
      if (next === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    } catch {
      // As above.
    }
  },
};
