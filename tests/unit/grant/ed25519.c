/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The structures of RFC 5652 in the words of openssl's ASN1_generate_nconf(3). */
#include "ed25519.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "support/temp_dir.h"

#define PATH_BYTES TEMP_PATH_MAX

static FILE *open_file(const struct ceremony *ceremony, const char *file)
{
    char path[PATH_BYTES];
    temp_dir_path(&ceremony->dir, file, path);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    return out;
}

static void write_hex(FILE *out, struct bytes data)
{
    for (size_t i = 0; i < data.length; i++)
        (void)fprintf(out, "%02x", data.data[i]);
    (void)fputc('\n', out);
}

/* The two attributes of every signature: content type and digest of the content. */
static void write_attributes(const struct ceremony *ceremony, FILE *out,
                             const struct ed25519_options *options)
{
    const char *type = options->content_type != NULL ? options->content_type : "pkcs7-data";
    (void)fprintf(
        out,
        "[attributes]\na=SEQUENCE:type\nb=SEQUENCE:digest\n"
        "[type]\na=OID:contentType\nb=SET:types\n[types]\na=OID:%s\n"
        "[digest]\na=OID:messageDigest\nb=SET:values\n[values]\na=FORMAT:HEX,OCTETSTRING:",
        type);
    ceremony_run(ceremony, "openssl dgst -sha512 -binary %s >digest.bin",
                 options->signs_other_content ? "*.pem" : "g.json");
    write_hex(out, ceremony_read(ceremony, "digest.bin"));
}

/* attributes.der in the DER that is signed, and signature.bin over it. */
static void sign_attributes(const struct ceremony *ceremony, const char *name,
                            const struct ed25519_options *options)
{
    FILE *out = open_file(ceremony, "attributes.conf");
    (void)fputs("asn1=SET:attributes\n", out);
    write_attributes(ceremony, out, options);
    (void)fclose(out);
    ceremony_run(ceremony, "openssl asn1parse -genconf attributes.conf -noout -out attributes.der");
    if (options->signs_other_attributes)
        ceremony_run(ceremony, "printf x >>attributes.der");
    ceremony_run(ceremony,
                 "openssl pkeyutl -sign -rawin -inkey %s.key -in attributes.der -out signature.bin",
                 name);
}

/* The signer is named by the key identifier of its certificate. */
static void write_signer(const struct ceremony *ceremony, FILE *out, const char *name,
                         const struct ed25519_options *options)
{
    sign_attributes(ceremony, name, options);
    ceremony_run(ceremony,
                 "openssl x509 -in %s.pem -noout -ext subjectKeyIdentifier | tail -1 |"
                 " tr -d ': \\n' >identifier.hex",
                 name);
    (void)fprintf(out,
                  "[signers]\na=SEQUENCE:signer\n[signer]\na=INTEGER:3\n"
                  "b=IMPLICIT:0,FORMAT:HEX,OCTETSTRING:%s\n"
                  "c=SEQUENCE:sha512\nd=IMPLICIT:0,SET:attributes\ne=SEQUENCE:ed25519\n"
                  "f=FORMAT:HEX,OCTETSTRING:",
                  (const char *)ceremony_read(ceremony, "identifier.hex").data);
    write_hex(out, ceremony_read(ceremony, "signature.bin"));
    (void)fputs("[ed25519]\na=OID:1.3.101.112\n", out);
    write_attributes(ceremony, out, options);
}

void ed25519_sign(const struct ceremony *ceremony, const char *name,
                  const struct ed25519_options *options)
{
    FILE *out = open_file(ceremony, "cms.conf");
    (void)fprintf(out,
                  "asn1=SEQUENCE:cms\n[cms]\na=OID:pkcs7-signedData\nb=EXPLICIT:0,SEQUENCE:signed\n"
                  "[signed]\na=INTEGER:3\nb=SET:digests\nc=SEQUENCE:content\nd=SET%s\n"
                  "[sha512]\na=OID:sha512\n[digests]\n",
                  name != NULL ? ":signers" : "");
    for (unsigned i = 0; i < options->digests; i++)
        (void)fprintf(out, "d%u=SEQUENCE:sha512\n", i);
    (void)fputs("[content]\na=OID:pkcs7-data\nb=EXPLICIT:0,FORMAT:HEX,OCTETSTRING:", out);
    write_hex(out, ceremony_read(ceremony, "g.json"));
    if (name != NULL)
        write_signer(ceremony, out, name, options);
    (void)fclose(out);
    ceremony_run(ceremony, "openssl asn1parse -genconf cms.conf -noout -out g.p7s");
}
