// usage: agent_clients.js URL REQUESTS SOCKETS: Node's own client with so many sockets that are kept, for requests of every
// kind to a peer_server.js, each from one of 40 clients. Each answer is compared with what was asked.
// Prints {"answered": N, "sockets": N, "homes": {client: [names]}, "errors": [...]}.
'use strict';
const http = require('http');
const { createHash } = require('crypto');

const [url, requests, most] = process.argv.slice(2);
const result = { answered: 0, sockets: 0, homes: {}, errors: [] };
const CLIENTS = 40;

class Agent extends http.Agent {
  createConnection(...words) {
    result.sockets++;
    return super.createConnection(...words);
  }
}
const agent = new Agent({ keepAlive: true, maxSockets: Number(most) });

// Of no bytes, of some, or of many; with a length or in chunks.
function bodyOf(number) {
  const size = number % 50 === 49 ? 300000 : number % 3 === 0 ? 0 : (number * 37) % 5000;
  return Buffer.alloc(size, createHash('sha256').update(String(number)).digest());
}

function ask(number) {
  const client = `203.0.113.${number % CLIENTS}`;
  const method = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'][number % 6];
  const body = bodyOf(number);
  const headers = { 'X-Forwarded-For': client };
  if (number % 2) headers['Transfer-Encoding'] = 'chunked';
  else if (body.length) headers['Content-Length'] = body.length;
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/facts/${number}`, { method, agent, headers }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        if (response.statusCode !== 200) return reject(new Error(`${response.statusCode} ${text}`));
        const told = JSON.parse(text);
        const asked = [method, `/facts/${number}`, body.length, createHash('sha256').update(body).digest('hex')];
        const arrived = [told.method, told.target, told.length, told.digest];
        if (String(asked) !== String(arrived)) return reject(new Error(`${asked} became ${arrived}`));
        (result.homes[client] ||= {})[told.name] = true;
        result.answered++;
        return resolve();
      });
    });
    request.on('error', reject);
    request.end(body.length ? body : undefined);
  });
}

async function main() {
  const numbers = Array.from({ length: Number(requests) }, (_, number) => number);
  await Promise.all(Array.from({ length: Number(most) }, async () => {
    for (let number; (number = numbers.shift()) !== undefined;) {
      await ask(number).catch((error) => result.errors.push(`request ${number}: ${error.message}`));
    }
  }));
  for (const client of Object.keys(result.homes)) result.homes[client] = Object.keys(result.homes[client]);
  console.log(JSON.stringify(result));
  process.exit(0);
}

main();
