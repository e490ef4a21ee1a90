/** The script of the page. It is sent as it is, so it is written for browsers; test/home.e2e.test.ts runs it in one. */
export const SCRIPT = `
const find = (id) => document.getElementById(id);
const form = document.querySelector('form');
const drop = document.querySelector('.drop');
let running = null;

function say(text, failed = false) {
  find('status').textContent = text;
  find('status').classList.toggle('failed', failed);
}

async function mask(file) {
  const key = find('key');
  find('result').hidden = true;
  if (key && key.value === '') {
    say('Enter the API key first, then choose the photo again.', true);
    key.focus();
    return;
  }
  if (file.size > Number(form.dataset.limit)) {
    say('The file is larger than this service accepts. Send a smaller one.', true);
    return;
  }
  running?.abort();
  const own = (running = new AbortController());
  say('Searching for faces and masking them…');
  try {
    const body = new FormData();
    body.append('file', file);
    const response = await fetch(form.getAttribute('action'), {
      method: 'POST',
      body,
      headers: key ? { 'X-API-Key': key.value } : {},
      signal: own.signal,
    });
    if (!response.ok) {
      const problem = await response.json().catch(() => ({ title: 'Error ' + response.status, detail: '' }));
      say(problem.title + '. ' + problem.detail, true);
      return;
    }
    const count = Number(response.headers.get('x-masked-count'));
    show(file, await response.blob(), count === 0 ? 'No face was found.' : count === 1 ? '1 face masked.' : count + ' faces masked.');
  } catch (error) {
    if (error.name !== 'AbortError') say('The service does not respond. Check the connection and try again.', true);
  }
}

function show(file, blob, text) {
  const picture = find('picture');
  const download = find('download');
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(blob);
  picture.alt = 'The photo with its faces masked';
  picture.hidden = false;
  // Browsers do not show TIFF.
  picture.onerror = () => {
    picture.hidden = true;
  };
  download.href = picture.src;
  download.download = 'masked-' + file.name.replace(/\\.[^.]*$/, '') + '.' + blob.type.replace('image/', '').replace('jpeg', 'jpg');
  find('caption').textContent = text;
  find('result').hidden = false;
  say('');
}

find('file').addEventListener('change', ({ target }) => {
  if (target.files[0]) mask(target.files[0]);
  target.value = '';
});
form.addEventListener('submit', (event) => event.preventDefault());
for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', type === 'dragenter' || type === 'dragover');
    const file = type === 'drop' && event.dataTransfer.files[0];
    if (file) mask(file);
  });
}
`;
