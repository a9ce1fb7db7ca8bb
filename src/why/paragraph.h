#ifndef LIMPET_WHY_PARAGRAPH_H
#define LIMPET_WHY_PARAGRAPH_H

/* "Peer       ": one word in front of each paragraph, its lines below each other. */
#define LABEL "%-11s"

#endif
