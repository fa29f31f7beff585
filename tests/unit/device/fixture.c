/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* See fixture.h. check forks each test, so the globals belong to one test. */
#include "fixture.h"

#include <string.h>

#include <check.h>

#include "core/clock.h"

struct pki *root;
struct device_anchors *anchors;
struct device device;
struct fault fault;

struct bytes text_bytes(const char *text)
{
    return bytes_of(text, strlen(text));
}

struct device_anchors *anchors_of(const struct pki *pki)
{
    struct device_anchors *made = NULL;
    ck_assert_int_eq(device_anchors_new(text_bytes(pki_certificate(pki)), NULL, &made, &fault),
                     ERR_OK);
    return made;
}

void fixture_set_up(void)
{
    root = pki_root("Factory Root");
    anchors = anchors_of(root);
    fault = (struct fault){0};
}

void fixture_tear_down(void)
{
    device_anchors_free(anchors);
    pki_free(root);
}

enum error check_text(const char *pem)
{
    fault = (struct fault){0};
    return device_check(anchors, text_bytes(pem), clock_unix_ms(), &device, &fault);
}

enum error check_options(const struct pki *issuer, const struct pki_options *options)
{
    struct pki *made = pki_new(issuer, options);
    enum error code = check_text(pki_certificate(made));
    pki_free(made);
    return code;
}

void refused(enum error code, const char *reason)
{
    ck_assert_int_eq(code, ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_str_ne(fault.detail, "");
}
