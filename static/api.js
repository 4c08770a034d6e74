// The dashboard's API. The session is the browser's cookie; nothing here holds a token.

/** What the API refused, with the status (0: it could not be reached) and its message for people. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** One request; the decoded answer. Throws ApiError.
 * @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
export async function request(method, path, body = {}) {
  const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { method, ...(method === 'GET' ? {} : json) }).catch(() => {
    throw new ApiError(0, 'The server can’t be reached.');
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, answer.message ?? `The server answered ${response.status}.`);
  return answer;
}
