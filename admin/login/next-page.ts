const CONSOLE = '/admin';

/** The page to open after the login: always a page of this console. */
export function nextPage(search: string, origin: string): string {
  const wanted = new URLSearchParams(search).get('next');
  if (wanted === null) return CONSOLE;
  const url = URL.parse(wanted, origin);
  if (url === null || url.origin !== origin) return CONSOLE;
  const { pathname } = url;
  const isConsole = pathname === CONSOLE || pathname.startsWith(`${CONSOLE}/`);
  const isLogin = pathname === `${CONSOLE}/login` || pathname.startsWith(`${CONSOLE}/login/`);
  return isConsole && !isLogin ? pathname + url.search + url.hash : CONSOLE;
}
