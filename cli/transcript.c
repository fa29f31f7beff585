/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The page of a key ceremony. Owns no state. */
#include "cli/transcript.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/text.h"
#include "core/clock.h"

#define LINE_FORMAT     "%-16s %s\n"
#define FIELD_MAX_BYTES 512
#define HOST_MAX_BYTES  256

static void put(FILE *page, const char *name, const char *value)
{
    char escaped[FIELD_MAX_BYTES];
    text_escape(value, escaped, sizeof escaped);
    (void)fprintf(page, LINE_FORMAT, name, escaped[0] != '\0' ? escaped : "not known");
}

static void put_digest(FILE *page, const char *name, ProtobufCBinaryData der)
{
    struct sha256 digest = sha256_of(bytes_of(der.data, der.len));
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    (void)fprintf(page, LINE_FORMAT, name, hex);
}

static void put_place(FILE *page, const struct transcript *transcript)
{
    char time[TIMESTAMP_SIZE];
    char host[HOST_MAX_BYTES] = "";
    timestamp_format(transcript->time_ms, time);
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    put(page, "Time", time);
    put(page, "Server", host);
    put(page, "Program", transcript->version);
    put(page, "Site", transcript->status->site);
}

static void put_hsm(FILE *page, const struct transcript *transcript)
{
    const Provisiond__AdminStatusReply *status = transcript->status;
    put(page, "Token", status->token_label);
    put(page, "Token serial", status->token_serial);
    put(page, "Token model", status->token_model);
    put(page, "Wrapping mode", status->mode);
    put(page, "HSM", status->hsm);
    (void)fputs("\nSHA-256 of the public keys (DER SubjectPublicKeyInfo, P-256):\n\n", page);
    put_digest(page, "Checkpoint key", transcript->init->checkpoint_spki);
    put_digest(page, "Transport key", transcript->init->transport_spki);
    (void)fputs(
        "\nThe first one is the identity of this HSM. Both private keys were made inside the\n"
        "token and cannot leave it: the HSM service refuses a token that says otherwise.\n",
        page);
}

static void put_journal(FILE *page, const struct transcript *transcript)
{
    char size[NUMBER_TEXT_SIZE];
    (void)fputc('\n', page);
    put(page, "Journal", transcript->status->origin);
    put(page, "Leaves", text_number(transcript->status->journal_size, size));
    put(page, "Anchor", transcript->status->anchor);
    if (transcript->init->was_bound)
        (void)fputs(
            "\nThe ledger was bound to this HSM before, and nothing was made now: the journal's\n"
            "leaf \"initialised\" says when, and names who was there then.\n",
            page);
}

static void put_person(FILE *page, const char *role, const char *name)
{
    char escaped[FIELD_MAX_BYTES];
    text_escape(name, escaped, sizeof escaped);
    (void)fprintf(page, "%-16s %s\n\n%-16s ______________________________________________\n\n",
                  role, escaped, "Date, signature");
}

static void put_people(FILE *page, const struct transcript *transcript)
{
    (void)fputs("\nEach of us was there all the time, saw the token initialised and empty before,\n"
                "compared both fingerprints with what the program printed, and has a copy.\n\n"
                "The token's SO PIN went to   _____________________________________________\n\n"
                "A copy of the token went to  _____________________________________________\n\n",
                page);
    put_person(page, "Officer", transcript->officer);
    put_person(page, "Witness", transcript->witness);
}

static void put_pem(FILE *page, const char *name, struct bytes pem)
{
    (void)fprintf(page, "%s\n", name);
    (void)fwrite(pem.data, 1, pem.length, page);
    (void)fputc('\n', page);
}

enum error transcript_write(const struct transcript *transcript, char **ret_text,
                            size_t *ret_length, struct failure *failure)
{
    char *text = NULL;
    size_t length = 0;
    FILE *page = open_memstream(&text, &length);
    if (page == NULL)
        return failure_set_memory(failure);
    (void)fputs("provisiond: the making of an HSM's keys\n\n", page);
    put_place(page, transcript);
    put_hsm(page, transcript);
    put_journal(page, transcript);
    put_people(page, transcript);
    put_pem(page, "checkpoint.pub.pem", transcript->checkpoint);
    put_pem(page, "transport.pub.pem", transcript->transport);
    const int failed = ferror(page);
    if (fclose(page) != 0 || failed != 0) {
        free(text);
        return failure_set_memory(failure);
    }
    *ret_text = text;
    *ret_length = length;
    return ERR_OK;
}
