// usage: listens_app.js PLACE...: listens on each of them, a port of 127.0.0.1, a path or `listen()`'s own options in JSON,
// one after the other. Each answers with the worker's slot and the number of the place. Prints "PLACE is ADDRESS" in JSON,
// or "PLACE fails: CODE", and lives on.
'use strict';
const http = require('http');

function options(place) {
  if (place.startsWith('{')) return JSON.parse(place);
  return /^[0-9]+$/.test(place) ? { port: Number(place), host: '127.0.0.1' } : { path: place };
}

function listen([place, ...others], number) {
  if (place === undefined) return;
  const server = http.createServer((request, response) => response.end(`${process.env.LIMPET_SLOT} ${number}\n`));
  const next = () => listen(others, number + 1);
  server.on('error', (error) => { console.log(`${place} fails: ${error.code}`); next(); });
  server.listen(options(place), () => { console.log(`${place} is ${JSON.stringify(server.address())}`); next(); });
}

listen(process.argv.slice(2), 1);
