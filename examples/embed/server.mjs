// A whole application that connects an employer: run Perch with `make dev`, then
//
//   node examples/embed/server.mjs perch-data/dev.json
//
// and open the address that it prints. In the sandbox the login is good_user with good_pass.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const perch = JSON.parse(readFileSync(process.argv[2] ?? "perch-data/dev.json", "utf8"));
const page = readFileSync(new URL("page.html", import.meta.url), "utf8").replaceAll("PERCH", perch.connect_url);

/** Calls Perch from this server: the client secret and the tokens never get to the browser. */
async function call(method, path, authorization, body) {
  const answer = await fetch(perch.api_url + path, {
    method, body: body && JSON.stringify(body),
    headers: { "Content-Type": "application/json", "Finch-API-Version": "2020-09-17", Authorization: authorization },
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const { client_id, client_secret } = perch;
const basic = `Basic ${btoa(`${client_id}:${client_secret}`)}`;
const answers = {
  "GET /": () => page,
  "POST /session": () => call("POST", "/connect/sessions", basic, {
    customer_id: `customer-${Date.now()}`, customer_name: "Blue Harbor Coffee", products: ["company", "directory"],
  }),
  "POST /connected": async ({ code }) => {
    const token = await call("POST", "/auth/token", basic, { client_id, client_secret, code });
    // An application keeps the token, encrypted, beside its customer. This one reads once.
    return call("GET", "/employer/directory", `Bearer ${token.access_token}`);
  },
};

const server = createServer(async (request, response) => {
  const answer = answers[`${request.method} ${request.url}`];
  if (!answer) return response.writeHead(404).end();
  try {
    let text = "";
    for await (const part of request) text += part;
    const body = await answer(text ? JSON.parse(text) : {});
    const html = typeof body === "string";
    response.writeHead(200, { "Content-Type": html ? "text/html" : "application/json" }).end(html ? body : JSON.stringify(body));
  } catch (error) {
    console.error(error.message);
    response.writeHead(502, { "Content-Type": "application/json" }).end("{}");
  }
});
server.listen(Number(process.env.PORT ?? 3000), "localhost", () => console.log(`http://localhost:${server.address().port}`));
