#ifndef LIMPET_ALGO_RANK_H
#define LIMPET_ALGO_RANK_H

/* Where is home? A weighted rendezvous ranking: every server gets a score for a key, the highest is home, the second is
 * next, and so on. It depends only on (seed, pool name, server names and weights, key), so any number of frontends
 * agree without talking, and adding or removing a server changes only the rankings it wins.
 *
 * Integers only: libm differs between machines. Frozen; tests/vectors/ranking.tsv and tests/model/ranking.py prove it.
 *
 *   master   = BLAKE2b-256(seed text)
 *   rank key = crypto_kdf(master, id 1, context "limpetrk", 16 bytes)        crypto_kdf: libsodium, BLAKE2b
 *   log key  = crypto_kdf(master, id 2, context "limpetlg", 16 bytes)
 *   pin key  = crypto_kdf(master, id 3, context "limpetpn", 16 bytes)        for marks of keys in tables (algo/mark)
 *   key hash = SipHash-2-4(rank key, tag | key bytes)                        tag 1: address, 2: text
 *   identity = SipHash-2-4(rank key, 0 | pool name | 0 | server name)
 *   draw     = SipHash-2-4(rank key, key hash as 8 bytes little endian | identity as 8 bytes little endian)
 *   distance = -log2((draw + 1) / 2^64) in 1/2^56, at least 1                table and linear interpolation
 *   score    = weight / distance                                            compared crosswise, never divided
 *
 * Ties go to the name that sorts first, byte by byte. What is hashed is cut at RANK_MESSAGE_MAX bytes: keys are never
 * longer (16 KiB of first bytes and the tag), and names that only differ behind it still differ in ties. */

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANK_KEY_SIZE 16
#define RANK_MESSAGE_MAX (16384 + 1)

enum key_tag { KEY_TAG_ADDRESS = 1, KEY_TAG_TEXT = 2 };

/* Keys derived from the seed. */
struct rank_seed {
    uint8_t rank_key[RANK_KEY_SIZE];
    uint8_t log_key[RANK_KEY_SIZE];
    uint8_t pin_key[RANK_KEY_SIZE];
};
void rank_seed_derive(struct rank_seed *seed, struct span text);

/* Hash of a key: for an address its 16 bytes, for text its bytes. */
uint64_t rank_key_hash(const struct rank_seed *seed, enum key_tag tag, struct span key);

/* What a log line shows of a key: says nothing about the key to those who lack the seed. */
uint32_t rank_log_hash(const struct rank_seed *seed, enum key_tag tag, struct span key);

/* Of a server; computed once when the plan is loaded. */
uint64_t rank_identity(const struct rank_seed *seed, struct span pool, struct span server);

/* One server in a ranking. */
struct rank_entry {
    uint64_t distance;
    uint32_t weight;
    uint32_t index; /* the caller's number for the server */
    const char *name;
};

uint64_t rank_distance(const struct rank_seed *seed, uint64_t key_hash, uint64_t identity);

/* True if `a` ranks before `b`. A strict total order as long as names differ. */
bool rank_before(const struct rank_entry *a, const struct rank_entry *b);

/* Sorts best first. */
void rank_sort(struct rank_entry *entries, size_t count);

#endif
