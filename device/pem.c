/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A line scanner over hostile text; one scratch buffer per call, no state. */
#include "device/pem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char BEGIN[] = "-----BEGIN CERTIFICATE-----";
static const char END[] = "-----END CERTIFICATE-----";

/* What `openssl x509`, `pkcs12` and `s_client` write around a certificate, by its beginning. */
static const char *const COMMENTS[] = {
    " ", "\t", "#", "Certificate:", "Certificate chain", "Bag Attributes", "subject", "issuer",
};

struct scanner {
    const char *next;
    const char *end;
    char *body;   /* one block's base64 with a NUL */
    uint8_t *der; /* the same block decoded */
    size_t size;  /* of each of the two */
    STACK_OF(X509) * list;
};

struct line {
    const char *text;
    size_t length; /* without the line's end and trailing blanks */
};

static bool next_line(struct scanner *scanner, struct line *ret_line)
{
    if (scanner->next == scanner->end)
        return false;
    size_t left = (size_t)(scanner->end - scanner->next);
    const char *newline = memchr(scanner->next, '\n', left);
    size_t length = newline != NULL ? (size_t)(newline - scanner->next) : left;
    ret_line->text = scanner->next;
    scanner->next += length + (newline != NULL ? 1 : 0);
    while (length > 0 && strchr(" \t\r", ret_line->text[length - 1]) != NULL &&
           ret_line->text[length - 1] != '\0')
        length--;
    ret_line->length = length;
    return true;
}

static bool line_is(const struct line *line, const char *text)
{
    return line->length == strlen(text) && memcmp(line->text, text, line->length) == 0;
}

static bool line_begins(const struct line *line, const char *text)
{
    size_t length = strlen(text);
    return line->length >= length && memcmp(line->text, text, length) == 0;
}

static bool line_is_comment(const struct line *line)
{
    if (line->length == 0)
        return true;
    if (memmem(line->text, line->length, "-----", 5) != NULL)
        return false;
    for (size_t i = 0; i < sizeof COMMENTS / sizeof COMMENTS[0]; i++) {
        if (line_begins(line, COMMENTS[i]))
            return true;
    }
    return false;
}

/* Collects the block's base64 up to its END line; false when that is missing. */
static bool body_is_whole(struct scanner *scanner)
{
    struct line line;
    size_t length = 0;
    while (next_line(scanner, &line)) {
        if (line_is(&line, END)) {
            scanner->body[length] = '\0';
            return true;
        }
        if (memchr(line.text, '\0', line.length) != NULL)
            return false;
        memcpy(scanner->body + length, line.text, line.length);
        length += line.length;
    }
    return false;
}

static enum pem_outcome read_block(struct scanner *scanner)
{
    size_t length = 0;
    if (!body_is_whole(scanner))
        return PEM_MALFORMED;
    enum error e = base64_decode(scanner->body, scanner->der, scanner->size, &length);
    if (e != ERR_OK)
        return e == ERR_INTERNAL ? PEM_NO_MEMORY : PEM_MALFORMED;
    const unsigned char *p = scanner->der;
    X509 *certificate = d2i_X509(NULL, &p, (long)length);
    if (certificate == NULL)
        return PEM_MALFORMED;
    if (p != scanner->der + length || sk_X509_push(scanner->list, certificate) == 0) {
        X509_free(certificate);
        return PEM_MALFORMED;
    }
    return PEM_OK;
}

static enum pem_outcome read_blocks(struct scanner *scanner, int max)
{
    struct line line;
    while (next_line(scanner, &line)) {
        if (!line_is(&line, BEGIN)) {
            if (!line_is_comment(&line))
                return PEM_NOT_A_CERTIFICATE;
            continue;
        }
        if (sk_X509_num(scanner->list) == max)
            return PEM_TOO_MANY;
        enum pem_outcome outcome = read_block(scanner);
        if (outcome != PEM_OK)
            return outcome;
    }
    return sk_X509_num(scanner->list) > 0 ? PEM_OK : PEM_NOT_A_CERTIFICATE;
}

enum pem_outcome pem_read_certificates(struct bytes pem, int max, STACK_OF(X509) * *ret_list)
{
    struct scanner scanner = {.next = (const char *)pem.data, .size = pem.length + 1};
    if (pem.length == 0)
        return PEM_NOT_A_CERTIFICATE; /* its data may be NULL */
    scanner.end = scanner.next + pem.length;
    scanner.list = sk_X509_new_null();
    scanner.body = malloc(2 * scanner.size);
    enum pem_outcome outcome = PEM_NO_MEMORY;
    if (scanner.list != NULL && scanner.body != NULL) {
        scanner.der = (uint8_t *)scanner.body + scanner.size;
        outcome = read_blocks(&scanner, max);
    }
    free(scanner.body);
    if (outcome == PEM_OK)
        *ret_list = scanner.list;
    else
        sk_X509_pop_free(scanner.list, X509_free);
    return outcome;
}
