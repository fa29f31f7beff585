/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A worker's answers: how long one is waited for, and what it tells. Owns no state. */
#include "hsm/keeper_parts.h"

#include <unistd.h>

#include "hsm/hsm_message.h"

/* ---- waiting for an answer ---- */

/* Moves whenever the worker reads or writes one of the files. */
static int64_t progress_of(const int *fds, unsigned count)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += lseek(fds[i], 0, SEEK_CUR);
    return sum;
}

static int64_t patience_ms(const struct keeper *keeper, enum job_lane lane)
{
    int64_t patience = keeper->options.config->call_timeout_ms;
    if (lane == JOB_KEYGEN)
        return HSM_KEYGEN_TIMEOUT_MS;
    /* A worker that waits for the disk is not hung; after this long nobody waits for the answer. */
    return lane == JOB_DATA && patience < HSM_CALL_TIMEOUT_MS ? HSM_CALL_TIMEOUT_MS : patience;
}

static int slice_of(deadline_ms deadline)
{
    int left = deadline_left_ms(deadline);
    return left < KEEPER_SLICE_MS ? left : KEEPER_SLICE_MS;
}

/*
 * Waits for the answer at a place of the round. A call has patience_ms; an encryption has as much
 * again whenever its files move, and is given up when the program stops.
 */
static enum outcome await_answer(struct keeper *keeper, const struct round *round, size_t place,
                                 struct bytes *ret_answer)
{
    const struct worker_request *files = &round->requests[0];
    int64_t patience = patience_ms(keeper, round->lane);
    deadline_ms deadline = deadline_in(patience);
    int64_t progress = progress_of(files->fds, files->fd_count);
    for (;;) {
        enum error e =
            worker_process_receive(&keeper->worker, place, slice_of(deadline), ret_answer);
        if (e != ERR_TIMEOUT)
            return e == ERR_OK ? ANSWERED : CRASHED;
        int64_t now = progress_of(files->fds, files->fd_count);
        if (now != progress)
            deadline = deadline_in(patience);
        progress = now;
        if (deadline_left_ms(deadline) == 0 ||
            (files->fd_count > 0 && pool_is_stopping(keeper->options.pool)))
            return HUNG;
    }
}

/* ---- one answer ---- */

static bool is_sound(const Provisiond__WorkerAnswer *answer,
                     Provisiond__HsmRequest__OpCase operation)
{
    if (answer == NULL || answer->reply == NULL)
        return false;
    bool has_fault = answer->reply->fault != NULL && answer->reply->fault->code != ERR_OK;
    return has_fault || (unsigned)answer->reply->result_case == (unsigned)operation + 1;
}

void keeper_learn(struct keeper *keeper, const Provisiond__WorkerAnswer *answer)
{
    struct hsm_status found = {.weak_key_count = 1};
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    if (answer->weak_key != NULL &&
        hsm_weak_key_from_message(answer->weak_key, &found.weak_keys[0]))
        worker_start_log_weak(keeper->options.pool, &found.weak_keys[0]);
    if (answer->reply->result_case == PROVISIOND__HSM_REPLY__RESULT_INIT &&
        hsm_spki_from_message(answer->reply->init->checkpoint_spki, &checkpoint) &&
        hsm_spki_from_message(answer->reply->init->transport_spki, &transport))
        pool_set_spkis(keeper->options.pool, &checkpoint, &transport);
    if (answer->reply->result_case == PROVISIOND__HSM_REPLY__RESULT_DESTROY_KEYS)
        pool_forget_transport(keeper->options.pool);
    if (answer->reply->result_case == PROVISIOND__HSM_REPLY__RESULT_ROTATE_CHECKPOINT_KEY &&
        hsm_spki_from_message(answer->reply->rotate_checkpoint_key->spki, &checkpoint))
        pool_add_successor(keeper->options.pool, answer->reply->rotate_checkpoint_key->generation,
                           &checkpoint);
}

enum outcome keeper_take_answer(struct keeper *keeper, const struct round *round, size_t place,
                                Provisiond__WorkerAnswer **ret_answer)
{
    struct bytes bytes;
    *ret_answer = NULL;
    enum outcome outcome = await_answer(keeper, round, place, &bytes);
    if (outcome != ANSWERED)
        return outcome;
    Provisiond__WorkerAnswer *answer =
        provisiond__worker_answer__unpack(NULL, bytes.length, bytes.data);
    if (!is_sound(answer, round->operations[place])) {
        if (answer != NULL)
            provisiond__worker_answer__free_unpacked(answer, NULL);
        return CRASHED;
    }
    keeper->peak_kib = answer->peak_kib;
    if (keeper->first_kib == 0)
        keeper->first_kib = answer->peak_kib;
    *ret_answer = answer;
    return answer->is_unfit ? UNFIT : ANSWERED;
}

void keeper_free_answer(Provisiond__WorkerAnswer *answer)
{
    if (answer != NULL)
        provisiond__worker_answer__free_unpacked(answer, NULL);
}
