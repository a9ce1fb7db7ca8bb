// Servers that look like Engine.IO's to whoever looks, as its versions are made, with sessions "old-SLOT" and "new-SLOT"; and one
// that does not. A line tells whether the program is as it would be alone. Requests are answered with the slot.
'use strict';
const { EventEmitter } = require('events');
const { inherits } = require('util');

const said = [];
const send = process.send;
process.send = () => said.push('program');

// Engine.IO 3 does not call the constructor of what it inherits from.
function Old() { this.clients = {}; }
inherits(Old, EventEmitter);
Old.prototype.generateId = () => 'old';
Old.prototype.handshake = () => {};

class New extends EventEmitter {
  generateId() { return 'new'; }
  async handshake() { return undefined; }
}

const order = [];
for (const server of [new Old(), new New()]) {
  server.on('connection', () => order.push('first'));
  server.addListener('connection', () => order.push('second'));
  for (const id of [server.generateId(), 7, undefined, { id: 'x' }]) {
    const session = Object.assign(new EventEmitter(), { id });
    server.emit('connection', session);
    session.emit('close');
    session.emit('close');
  }
  server.emit('connection', null);
  server.emit('connection', { id: 'no emitter' });
  server.emit('connection', Object.assign(new EventEmitter(), { id: `${server.generateId()}-${process.env.LIMPET_SLOT}` }));
}
const stranger = new EventEmitter();
stranger.on('connection', () => {});
stranger.emit('connection', Object.assign(new EventEmitter(), { id: 'stranger' }));

const { on, addListener } = EventEmitter.prototype;
console.log('engines: ' + JSON.stringify({
  order: order.length, first: order[0], same: on === addListener, name: on.name, length: on.length, said,
  environment: Object.keys(process.env).filter((name) => /LIMPET_SESSIONS|NODE_OPTIONS/.test(name)),
  listeners: stranger.listenerCount('connection'),
}));
process.send = send;
require('http').createServer((request, response) => response.end(process.env.LIMPET_SLOT)).listen(Number(process.env.PORT), '127.0.0.1');
