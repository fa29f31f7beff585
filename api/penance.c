/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A list, which the keeper walks: as long as there are connections at most. */
#include "api/penance.h"

#include "api/request.h"
#include "core/clock.h"

#define SPREAD_STEP_MS 97 /* prime to the spread: neighbours lie far apart */

void penance_init(struct penance *penance)
{
    (void)pthread_mutex_init(&penance->lock, NULL);
}

void penance_clear(struct penance *penance)
{
    (void)pthread_mutex_destroy(&penance->lock);
}

bool penance_do(struct penance *penance, struct request *request)
{
    (void)pthread_mutex_lock(&penance->lock);
    bool waits = !penance->is_over;
    if (waits) {
        request->step = REQUEST_WAITING;
        request->has_done_penance = true;
        request->penance_until =
            deadline_in(PENANCE_MS + penance->count++ * SPREAD_STEP_MS % PENANCE_SPREAD_MS);
        request->next_penance = penance->first;
        penance->first = request;
        MHD_suspend_connection(request->connection);
    }
    (void)pthread_mutex_unlock(&penance->lock);
    return waits;
}

static void resume_until(struct penance *penance, int64_t now_ms)
{
    struct request **link = &penance->first;
    while (*link != NULL) {
        struct request *request = *link;
        if (request->penance_until > now_ms) {
            link = &request->next_penance;
            continue;
        }
        *link = request->next_penance;
        MHD_resume_connection(request->connection);
    }
}

int64_t penance_look(struct penance *penance, int64_t now_ms)
{
    (void)pthread_mutex_lock(&penance->lock);
    resume_until(penance, now_ms);
    bool is_empty = penance->first == NULL;
    (void)pthread_mutex_unlock(&penance->lock);
    return is_empty ? INT64_MAX : PENANCE_PACE_MS;
}

void penance_end(struct penance *penance)
{
    (void)pthread_mutex_lock(&penance->lock);
    penance->is_over = true;
    resume_until(penance, INT64_MAX);
    (void)pthread_mutex_unlock(&penance->lock);
}
