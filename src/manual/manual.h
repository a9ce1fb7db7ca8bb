#ifndef LIMPET_MANUAL_MANUAL_H
#define LIMPET_MANUAL_MANUAL_H

/* The manual pages, on standard output: what a table knows comes from the table, what no table can say is written here. */

void manual_program(void);       /* limpet(1) */
void manual_configuration(void); /* limpet.yaml(5) */
void manual_worker(void);        /* limpet-worker(7) */

/* The entries of KEY SOURCES, in both pages. */
void manual_key_sources(void);

#endif
