// Records every answer as the network gave it, one JSON object a line, before the client library
// has a chance to tidy it up.
import { appendFileSync } from 'node:fs';

// recorder returns a fetch to give to the client library. The lines hold the method, the address
// without its host, the status, the headers and the body as text; requests are not kept, because
// they carry tokens.
export function recorder(file) {
  return async function recordingFetch(input, init) {
    const response = await fetch(input, init);
    const body = await response.clone().text();
    const { pathname, search } = new URL(String(input));
    const line = {
      method: (init?.method ?? 'GET').toUpperCase(),
      path: pathname,
      query: search,
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body,
    };
    appendFileSync(file, JSON.stringify(line) + '\n');
    return response;
  };
}
