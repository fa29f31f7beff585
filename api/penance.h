/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Refusals that wait before they leave.
 *
 * Who is told to wait and asks again at once costs more with its refusals than it may with its
 * requests. So the refusal itself waits: one connection gets two of them in a second, however fast
 * its client is. Its connection is suspended meanwhile.
 *
 * Threads: penance_do on the event loops, penance_look and penance_end on one other thread each.
 */
#ifndef API_PENANCE_H
#define API_PENANCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PENANCE_MS        500
#define PENANCE_SPREAD_MS 250 /* so much longer for some: refused together, back one by one */
#define PENANCE_PACE_MS   20

struct request;

struct penance {
    pthread_mutex_t lock;
    struct request *first; /* guarded by lock */
    bool is_over;          /* guarded by lock */
    unsigned count;        /* guarded by lock: of penances so far */
};

void penance_init(struct penance *penance);
/* When nobody waits. */
void penance_clear(struct penance *penance);

/* Suspends the request's connection until it may be answered; false: answer now. */
bool penance_do(struct penance *penance, struct request *request);
/* Resumes those who have waited long enough. Returns in how many milliseconds to look again. */
int64_t penance_look(struct penance *penance, int64_t now_ms);
/* Resumes all; nobody waits from now on. */
void penance_end(struct penance *penance);

#endif
