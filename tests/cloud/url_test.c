/* url_test.c - what a URL's parts are, and which addresses are this machine's own. */
#include "support/fb_test.h"

#include "cloud/url.h"

static void span_is(struct fb_span s, const char *want)
{
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.at, want, s.len);
}

static void a_url_is_split_into_what_is_sent(void **state)
{
    struct fb_url u;

    (void)state;
    assert_true(fb_url_split("https://ec2.eu-west-1.amazonaws.com/", &u));
    assert_true(u.https);
    span_is(u.authority, "ec2.eu-west-1.amazonaws.com");
    span_is(u.path, "/");
    span_is(u.query, "");
    assert_true(fb_url_split("http://user:pw@[::1]:8080/a%2Fb?x=1&y=/#frag", &u));
    assert_false(u.https);
    span_is(u.host, "[::1]");
    span_is(u.authority, "[::1]:8080");
    span_is(u.path, "/a%2Fb");
    span_is(u.query, "x=1&y=/");
    assert_true(fb_url_split("http://h?q", &u));
    span_is(u.path, "/");
    span_is(u.query, "q");
}

/* curl leaves the scheme's own port out of the Host header, and the signature covers that header.
 */
static void the_schemes_own_port_is_not_part_of_the_host_header(void **state)
{
    struct fb_url u;

    (void)state;
    assert_true(fb_url_split("https://h:443/", &u));
    span_is(u.authority, "h");
    assert_true(fb_url_split("http://h:80/", &u));
    span_is(u.authority, "h");
    assert_true(fb_url_split("http://h:443/", &u));
    span_is(u.authority, "h:443");
}

static void what_is_no_http_url_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "h",
                                      "ftp://h/",
                                      "file:///etc/passwd",
                                      "http://",
                                      "http:///x",
                                      "http://h:x/",
                                      "http://h:123456/",
                                      "http://[::1/",
                                      "http://a b/",
                                      "http://a\r\nX: y/",
                                      "http://@/"};
    struct fb_url u;

    (void)state;
    assert_false(fb_url_split(NULL, &u));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (fb_url_split(bad[i], &u))
            fail_msg("accepted: %s", bad[i]);
}

static void only_real_loopback_addresses_count_as_loopback(void **state)
{
    static const struct {
        const char *url;
        bool loopback, local;
    } rows[] = {{"http://localhost:1/", true, true},
                {"http://LOCALHOST/", true, true},
                {"http://127.0.0.1/", true, true},
                {"http://127.9.9.9/", true, true},
                {"http://[::1]:9/", true, true},
                {"http://127.example.com/", false, false},
                {"http://localhost.evil.com/", false, false},
                {"http://169.254.169.254/", false, true},
                {"http://[fd00:ec2::23]/", false, true},
                {"http://10.0.0.1/", false, false},
                {"http://127.0.0.1@evil.com/", false, false}};
    struct fb_url u;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(fb_url_split(rows[i].url, &u));
        if (fb_url_is_loopback(&u) != rows[i].loopback || fb_url_is_local(&u) != rows[i].local)
            fail_msg("%s", rows[i].url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_split_into_what_is_sent),
        cmocka_unit_test(the_schemes_own_port_is_not_part_of_the_host_header),
        cmocka_unit_test(what_is_no_http_url_is_refused),
        cmocka_unit_test(only_real_loopback_addresses_count_as_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
