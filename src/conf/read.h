#ifndef LIMPET_CONF_READ_H
#define LIMPET_CONF_READ_H

/* Readers of plain types, for rows of the schema: each reads one value into the member at row->offset of `target`. */

#include "conf/build.h"

/* Reports that a value has the wrong kind. */
void read_wrong_type(struct build *b, const struct schema_row *row, const struct node *value);

/* True if the value is text; else reports. */
MUST_CHECK bool read_is_text(struct build *b, const struct schema_row *row, const struct node *value);

/* "did you mean ...?", or null if none of the words (null-terminated) is near. */
const char *read_near_word(struct build *b, struct span word, const char *const *words);

/* micros, more than 0 */
void read_duration(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* uint32_t from row->least to row->most */
void read_number(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* uint16_t, the same */
void read_weight(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* uint64_t, the same */
void read_big_number(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* uint64_t, bytes; from row->least to row->most, if there is a most */
void read_size(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* A bool that the row does not place. */
void read_flag(struct build *b, const struct schema_row *row, const struct node *value, bool *flag);
/* bool */
void read_boolean(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* An enum: the place of the word in row->words. */
void read_word(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* const char *: a word, or an absolute path made of what is written. */
void read_log_target(struct build *b, const struct schema_row *row, const struct node *value, void *target);
/* const char *: printable text. */
void read_text(struct build *b, const struct schema_row *row, const struct node *value, void *target);

/* An address to bind or to connect to; reports when it is wrong. */
MUST_CHECK bool read_address(struct build *b, const struct node *value, bool to_bind, struct address *address);

/* A path as it is opened: relative ones start at the file's directory. */
const char *read_path(struct build *b, struct span path);
/* ... and so that it holds wherever the process works. */
const char *read_absolute_path(struct build *b, struct span path);

/* Why a file that is named could not be read, for whoever named it. */
const char *read_failure_text(int failure);

/* The text of a file that the value names, of at most `most` bytes; it belongs to the arena. False: it was reported. */
MUST_CHECK bool read_file(struct build *b, const struct node *value, struct span path, size_t most, struct span *text);
/* The same for one that only few may read. */
MUST_CHECK bool read_secret_file(struct build *b, const struct node *value, struct span path, size_t most,
                                 struct span *text);

/* What may stand behind the name of a field (RFC 9110 section 5.5): without control characters, and spaces at its ends. */
bool read_is_field_value(struct span text);

/* Names of pools and servers, which stand in logs: printable ASCII without spaces and quotes, 1 to 128 bytes. */
MUST_CHECK bool read_name(struct build *b, const struct node *name, const char *what);

#endif
