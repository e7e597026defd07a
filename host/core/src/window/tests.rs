//! What sealing decides, case by case, and what holds for every input.

use super::testing::{Clock, Sealed, seal, seal_spans, seal_with, spans};
use super::{Window, WindowOptions};
use crate::loss::Losses;
use crate::trace::{
    Batch, CodeLocation, IoKind, Link, NO_ROW, Span, SpanFlags, SpanId, SpanRole, Status, Texts, TraceFlags,
    TraceId,
};
use proptest::prelude::*;
use std::time::Instant;

#[track_caller]
fn check(input: &str, show: impl Fn(&Sealed) -> String, expect: &str) {
    assert_eq!(show(&seal(input)), expect, "{input}");
}

#[track_caller]
fn check_coarse(input: &str, show: impl Fn(&Sealed) -> String, expect: &str) {
    let sealed = seal_with(input, Clock::Milliseconds, WindowOptions::default());
    assert_eq!(show(&sealed), expect, "{input}");
}

fn lost(reason: &'static str) -> impl Fn(&Sealed) -> String {
    move |sealed| sealed.losses.get(reason).to_string()
}

fn is_complete(sealed: &Sealed) -> String {
    sealed.traces[0].flags.has(TraceFlags::COMPLETE).to_string()
}

#[test]
fn rows_are_ordered_by_start_then_parents_first_then_id() {
    check("b - s internal 5..9\n a - s internal 7..8\n c - s internal 1..2", Sealed::order, "c b a");
    check("b - s internal 5..9\n a - s internal 5..8", Sealed::order, "a b");
    // a < b < c by id, but c is the parent of b and b that of a
    check("a b s internal 5..6\n b c s internal 5..8\n c - s internal 5..9", Sealed::order, "c b a");
    // a child may start first by its clock
    check("a b s internal 4..6\n b - s internal 5..8", Sealed::parents, "a<b");
}

#[test]
fn spans_exported_twice_count_once() {
    let twice = "a - s server 0..9\n b a s sql 1..2 t=X\n b a s sql 1..2 t=X";
    check(twice, Sealed::order, "a b");
    check(twice, lost("duplicate_spans"), "1");
    check(twice, lost("conflicting_span_ids"), "0");
}

#[test]
fn different_spans_of_one_id_are_kept_and_the_first_is_the_parent() {
    let conflict = "a - s server 0..9\n b a s internal 1..4\n b a s internal 5..8\n c b s sql 6..7 t=X";
    check(conflict, Sealed::order, "a b b c");
    check(conflict, lost("conflicting_span_ids"), "1");
    assert_eq!(seal(conflict).traces[0].parents, [NO_ROW, 0, 0, 1]);
}

#[test]
fn two_halves_of_a_call_may_share_an_id() {
    let shared = "a - web server 0..9\n b a web http 1..8 t=GET_x\n b a api server 2..7\n c b api sql 3..4 t=X\n d b web internal 1.500..2";
    check(shared, lost("conflicting_span_ids"), "0");
    // rows: a, b of web, d, b of api, c
    assert_eq!(seal(shared).traces[0].parents, [NO_ROW, 0, 1, 1, 3]);
    // the same at one instant is not a duplicate
    check("b - web http 1..8 t=GET_x\n b - api server 1..8", lost("duplicate_spans"), "0");
}

#[test]
fn cycles_are_cut_at_the_span_that_starts_first() {
    check("a a s internal 0..9", Sealed::parents, "");
    check("a a s internal 0..9", lost("parent_cycles"), "1");
    let cycle = "a c s internal 1..9\n b a s internal 2..9\n c b s internal 3..9\n d c s sql 4..5 t=X";
    check(cycle, Sealed::parents, "b<a c<b d<c");
    check(cycle, lost("parent_cycles"), "1");
    check(cycle, is_complete, "false");
    let two = "a b s internal 1..9\n b a s internal 2..9\n c d s internal 3..9\n d c s internal 4..9";
    check(two, lost("parent_cycles"), "2");
    check(two, Sealed::parents, "b<a d<c");
}

#[test]
fn a_trace_is_complete_when_every_named_parent_is_here() {
    check("a - s server 0..9\n b a s sql 1..2 t=X", is_complete, "true");
    check("a - s server 0..9\n b - s server 1..2", is_complete, "true");
    check("a - s server 0..9\n b x s sql 1..2 t=X", is_complete, "false");
}

#[test]
fn the_latest_spans_over_the_limit_are_dropped() {
    let input = "a - s server 0..9\n b a s sql 1..2 t=X\n c a s sql 3..4 t=Y\n d a s sql 5..6 t=Z";
    let options = WindowOptions { max_spans_per_trace: 2, ..WindowOptions::default() };
    let sealed = seal_with(input, Clock::Fine, options);
    assert_eq!(sealed.order(), "a b");
    assert_eq!(sealed.losses.get("spans_over_trace_limit"), 2);
    assert!(sealed.traces[0].flags.has(TraceFlags::CUT));
    assert!(!sealed.traces[0].flags.has(TraceFlags::COMPLETE));
}

#[test]
fn a_parent_over_the_limit_is_gone() {
    let options = WindowOptions { max_spans_per_trace: 1, ..WindowOptions::default() };
    let sealed = seal_with("a b s sql 0..1 t=X\n b - s server 1..2", Clock::Fine, options);
    assert_eq!((sealed.order(), sealed.parents()), ("a".into(), String::new()));
}

#[test]
fn failures_mark_the_trace() {
    let errors = |sealed: &Sealed| sealed.traces[0].flags.has(TraceFlags::ERRORS).to_string();
    check("a - s server 0..9 refused", errors, "true");
    check("a - s server 0..9", errors, "false");
}

#[test]
fn the_entry_is_the_nearest_server_of_the_service_or_its_outermost_span() {
    check("a - s server 0..9\n b a s internal 1..8\n c b s sql 2..3 t=X", Sealed::entries, "a<a b<a c<a");
    check("a - s server 0..9\n b a s consumer 1..8\n c b s sql 2..3 t=X", Sealed::entries, "a<a b<b c<b");
    check("a - s internal 0..9\n b a s internal 1..8\n c b s sql 2..3 t=X", Sealed::entries, "a<a b<a c<a");
    // another service in between ends the search
    check("a - s server 0..9\n b a t internal 1..8\n c b s sql 2..3 t=X", Sealed::entries, "a<a b<b c<c");
}

#[test]
fn endpoints_have_substitutes() {
    let cases = [
        // the entry's route
        ("a - s server 0..9 route=GET_/a\n b a s sql 2..3 t=X route=GET_/b", "a=GET_/a b=GET_/a"),
        // the nearest server, not the outermost
        (
            "a - s server 0..9 route=GET_/a\n b a s server 1..8 route=GET_/b\n c b s sql 2..3 t=X",
            "a=GET_/a b=GET_/b c=GET_/b",
        ),
        // the row's own, also below another that has one
        ("a - s sql 0..9 t=X route=GET_/a\n b a s sql 2..3 t=Y route=GET_/b", "a=GET_/a b=GET_/b"),
        // the nearest row above
        ("a - s internal 0..9 route=job\n b a s server 1..8\n c b s sql 2..3 t=X", "a=job b=job c=job"),
        // not across services
        ("a - t internal 0..9 route=job\n b a s sql 2..3 t=X", "a=job b=unknown"),
        // the outermost function of the application
        (
            "a - s server 0..9\n b a s internal 1..8 code=org.springframework.aop/proceed\n c b s internal 2..7 code=shop.Orders/list\n d c s internal 3..6 code=shop.Dao/find\n e d s sql 4..5 t=X",
            "a=a-name b=a-name c=shop.Orders.list d=shop.Orders.list e=shop.Orders.list",
        ),
        ("a - s sql 0..1 t=X code=App\\Models\\User/find", "a=App\\Models\\User::find"),
        ("a - s sql 0..1 t=X code=handler", "a=unknown"),
        ("a - s sql 0..1 t=X code=java.util.List/get", "a=unknown"),
        // the name of the entry, unless it is a call or chatter
        ("a - s internal 0..9 name=nightly\n b a s sql 2..3 t=X", "a=nightly b=nightly"),
        ("a - s sql 0..9 t=X\n b a s sql 2..3 t=Y", "a=unknown b=unknown"),
        ("a - s client 0..9 chatter name=pg.connect\n b a s sql 2..3 t=Y", "a=unknown b=unknown"),
    ];
    for (input, expect) in cases {
        check(input, Sealed::endpoints, expect);
    }
}

#[test]
fn a_service_that_calls_itself_does_not_inherit_across_the_network() {
    let input = "a - s server 0..9 route=GET_/a\n b a s http 1..8 t=GET_x code=shop.A/a\n c b s server 2..7 name=inner\n d c s sql 3..4 t=X";
    check(input, Sealed::endpoints, "a=GET_/a b=GET_/a c=inner d=inner");
    assert!(seal(input).span("d").code.is_empty());
}

#[test]
fn code_locations_are_inherited_from_the_nearest_row_above() {
    let sealed = seal(
        "a - s server 0..9 code=shop.Outer/a\n b a s internal 1..8 code=shop.Inner/b\n c b s internal 2..7\n d c s sql 3..4 t=X\n e c s internal 5..6",
    );
    assert_eq!(sealed.texts.get(sealed.span("d").code.namespace), "shop.Inner");
    assert!(sealed.span("e").code.is_empty(), "only calls need a location");
}

#[test]
fn nested_records_of_one_call_count_once() {
    let cases = [
        // ORM over driver, all equal: the outer counts
        ("a - s server 0..9\n b a s sql 1..5 t=X scope=orm\n c b s sql 2..4 t=X scope=pg", "c>b"),
        // at any depth
        (
            "a - s server 0..9\n b a s sql 1..8 t=X scope=orm\n c b s internal 2..7\n d c s sql 3..6 t=X scope=pg",
            "d>b",
        ),
        // the one that knows more counts
        ("b - s sql 1..5 t=X scope=orm hidden\n c b s sql 2..4 t=X scope=pg params=7", "b>c"),
        ("b - s sql 1..5 t=X scope=orm params=7\n c b s sql 2..4 t=X scope=pg hidden rows=3", "c>b"),
        ("b - s sql 1..5 t=X scope=orm\n c b s sql 2..4 t=X scope=pg rows=3", "b>c"),
        ("b - s sql 1..5 t=X scope=orm\n c b s sql 2..4 t=X scope=pg code=shop.Dao/find", "b>c"),
        // three layers are one call, and nothing is merged into what is merged
        (
            "b - s sql 1..9 t=X scope=orm\n c b s sql 2..8 t=X scope=pool rows=1\n d c s sql 3..7 t=X scope=pg",
            "b>c d>c",
        ),
        // requests over urllib3
        ("b - s http 1..9 t=GET_x scope=requests\n c b s http 2..8 t=GET_x scope=urllib3", "c>b"),
        // another template, kind, service, system
        ("b - s sql 1..9 t=X\n c b s sql 2..8 t=Y", ""),
        ("b - s sql 1..9 t=X\n c b s cache 2..8 t=X", ""),
        ("b - s sql 1..9 t=X\n c b u sql 2..8 t=X", ""),
        ("b - s sql 1..9 t=X system=mysql\n c b s sql 2..8 t=X system=pg", ""),
        ("b - s sql 1..9 t=X system=pg\n c b s sql 2..8 t=X", "c>b"),
        // a server in between
        ("b - s http 1..9 t=GET_x\n c b s server 2..8\n d c s http 3..7 t=GET_x", ""),
        // not contained
        ("b - s sql 1..3 t=X scope=orm\n c b s sql 4..5 t=X scope=pg", ""),
        ("b - s sql 1..3 t=X scope=orm\n c b s sql 2..6 t=X scope=pg", ""),
        // by the tolerance
        ("b - s sql 1..5 t=X scope=orm\n c b s sql 2..6 t=X scope=pg", "c>b"),
        // one layer within itself: exactly contained, and no sign of another call
        ("b - s sql 1..5 t=X hidden\n c b s sql 2..5 t=X hidden", "c>b"),
        ("b - s sql 1..5 t=X hidden\n c b s sql 2..5.001 t=X hidden", ""),
        ("b - s sql 1..5 t=X params=1\n c b s sql 2..5 t=X params=2", ""),
    ];
    for (input, expect) in cases {
        check(input, Sealed::merged, expect);
    }
}

#[test]
fn a_cut_statement_is_the_whole_one_up_to_the_cut() {
    let cases = [
        ("SELECT_a,_b_FROM_t_WHE..", "SELECT_a,_b_FROM_t_WHERE_x_=_?", "b>c"),
        ("SELECT_a,_b_FROM_t", "SELECT_a,_b_FROM_t_WHERE_x_=_?", "b>c"),
        ("SELECT_b..", "SELECT_a,_b_FROM_t_WHERE_x_=_?", "b>c"),
        ("DELETE_FROM_t", "SELECT_a,_b_FROM_t_WHERE_x_=_?", ""),
    ];
    for (cut, whole, expect) in cases {
        let input = format!("b - s sql 1..5 t={cut} cut rows=2\n c b s sql 2..4 t={whole}");
        check(&input, Sealed::merged, expect);
    }
    check("b - s sql 1..5 t=SELECT_a\n c b s sql 2..4 t=SELECT_a_FROM_t", Sealed::merged, "");
}

#[test]
fn several_calls_within_one_record_are_what_counts() {
    let retries = "a - s server 0..19\n b a s http 1..9 t=GET_x scope=requests\n c b s http 2..3 t=GET_x scope=urllib3 error\n d b s http 4..5 t=GET_x scope=urllib3";
    check(retries, Sealed::merged, "b>c");
    check(retries, Sealed::parents, "b<a c<a d<a");
    check(retries, |sealed| sealed.flagged(SpanFlags::RETRY), "d");
    check(retries, lost("merged_duplicate_spans"), "1");
    // two layers around them
    check(&format!("{retries}\n o a s http 0.500..10 t=GET_x scope=sdk\n"), Sealed::merged, "o>c b>c");
    let deeper = "o - s http 0..10 t=X scope=1\n b o s http 1..9 t=X scope=2\n c b s http 2..3 t=X scope=3\n d b s http 4..5 t=X scope=3";
    check(deeper, Sealed::merged, "o>c b>c");
}

#[test]
fn the_row_that_counts_takes_over_facts_and_place() {
    let sealed = seal(
        "a - s server 0..9\n b a s sql 1..6 t=X scope=orm hidden code=shop.Dao/find rows=3 batch=5\n c b s sql 2..5 t=X scope=pg params=7 bytes=99",
    );
    assert_eq!((sealed.merged(), sealed.parents()), ("b>c".into(), "b<a c<a".into()));
    let counts = sealed.span("c");
    assert_eq!(
        (counts.params, counts.rows, counts.response_bytes, counts.batch_size),
        (7, Some(3), Some(99), 5)
    );
    assert_eq!(sealed.texts.get(counts.code.function), "find");
    assert_eq!(sealed.texts.get(counts.scope), "pg");
    assert_eq!(sealed.flagged(SpanFlags::MERGED), "b");
    assert_eq!(sealed.losses.get("merged_duplicate_spans"), 1);
    assert_eq!(Batch::of(&sealed.traces).kinds, [0, 0, IoKind::Sql as u8]);

    let sealed =
        seal("b - s sql 1..6 t=X scope=orm hidden rows=3\n c b s sql 2..5 t=X scope=pg cut params=7");
    assert_eq!(sealed.merged(), "c>b");
    assert_eq!((sealed.span("b").params, sealed.flagged(SpanFlags::PARAMS_HIDDEN)), (7, String::new()));

    // what one layer sees in part, and the other in full
    let sealed = seal(
        "b - s sql 1..6 t=X scope=orm hidden params=3\n c b s sql 2..5 t=X scope=pg cut generic params=7",
    );
    assert_eq!(sealed.merged(), "c>b");
    assert_eq!((sealed.span("b").params, sealed.flagged(SpanFlags::PARAMS_HIDDEN)), (7, String::new()));
    let sealed =
        seal("b - s sql 1..6 t=X scope=orm hidden\n c b s sql 2..5 t=X scope=pg cut hidden params=7");
    assert_eq!((sealed.span("b").params, sealed.flagged(SpanFlags::PARAMS_HIDDEN)), (7, "b c".to_owned()));
}

#[test]
fn siblings_of_two_layers_are_matched_one_to_one() {
    let cases = [
        ("b a s sql 1..5 t=X scope=orm\n c a s sql 2..4 t=X scope=pg", "c>b"),
        // either may be the inner one
        ("b a s sql 2..4 t=X scope=orm\n c a s sql 1..5 t=X scope=pg", "b>c"),
        // one layer never merges with itself
        ("b a s sql 1..5 t=X scope=pg\n c a s sql 2..4 t=X scope=pg", ""),
        // one after the other is two, however short
        ("b a s sql 1..1.300 t=X scope=orm\n c a s sql 1.400..1.700 t=X scope=pg", ""),
        // visible parameters that differ are two calls
        ("b a s sql 1..5 t=X scope=orm params=1\n c a s sql 2..4 t=X scope=pg params=2", ""),
        ("b a s sql 1..5 t=X scope=orm params=1\n c a s sql 2..4 t=X scope=pg hidden", "c>b"),
        // of parameters partly hidden, what can be seen may differ too, unless one layer sees more
        ("b a s sql 1..5 t=X scope=orm params=1 hidden\n c a s sql 2..4 t=X scope=pg params=2 hidden", ""),
        ("b a s sql 1..5 t=X scope=orm params=1 hidden\n c a s sql 2..4 t=X scope=pg params=1 hidden", "c>b"),
        ("b a s sql 1..5 t=X scope=orm params=1 hidden\n c a s sql 2..4 t=X scope=pg params=2", "b>c"),
        // another parent, template, service
        ("b a s sql 1..5 t=X scope=orm\n c z s sql 2..4 t=X scope=pg", ""),
        ("b a s sql 1..5 t=X scope=orm\n c a s sql 2..4 t=Y scope=pg", ""),
        ("b a s sql 1..5 t=X scope=orm\n c a u sql 2..4 t=X scope=pg", ""),
        // three calls, one of which only one layer saw
        (
            "b a s sql 1..2 t=X scope=orm\n c a s sql 1.100..1.900 t=X scope=pg\n d a s sql 3..4 t=X scope=orm\n e a s sql 5..6 t=X scope=orm\n f a s sql 5.100..5.900 t=X scope=pg",
            "c>b f>e",
        ),
        // concurrent ones keep their parameters together
        (
            "b a s sql 1..9 t=X scope=orm params=1\n c a s sql 1.100..9 t=X scope=orm params=2\n d a s sql 2..8 t=X scope=pg params=2\n e a s sql 2.100..8 t=X scope=pg params=1",
            "d>c e>b",
        ),
        // three layers
        ("b a s sql 1..9 t=X scope=1\n c a s sql 2..8 t=X scope=2\n d a s sql 3..7 t=X scope=3", "c>b d>b"),
    ];
    for (input, expect) in cases {
        check(&format!("a - s server 0..20\n{input}"), Sealed::merged, expect);
    }
    check("b - s sql 1..5 t=X scope=orm\n c - s sql 2..4 t=X scope=pg", Sealed::merged, "");
}

/// Scenario: knex over pg as Node records them, starts cut to milliseconds. Guarantees: as many calls
/// count as were made, whether the driver's spans are children or siblings, and calls are siblings.
#[test]
fn millisecond_clocks_do_not_hide_layers() {
    let nested = "a - s server 0..120
        b a s sql 58..69.341 t=X scope=knex
        c b s sql 59..68.918 t=X scope=pg rows=1
        d a s sql 77..78.043 t=X scope=knex
        e d s sql 77..77.620 t=X scope=pg rows=1
        f a s sql 84..87.868 t=X scope=knex
        g f s sql 85..88.333 t=X scope=pg rows=1";
    check_coarse(nested, Sealed::merged, "b>c d>e f>g");
    check_coarse(nested, Sealed::parents, "b<a c<a d<a e<a f<a g<a");
    let siblings = "a - s server 0..120
        b a s sql 58..58.400 t=X scope=knex
        c a s sql 59..59.300 t=X scope=pg
        d a s sql 77..77.500 t=X scope=pg
        e a s sql 77..78.043 t=X scope=knex";
    check_coarse(siblings, Sealed::merged, "c>b d>e");
}

#[test]
fn a_protocol_below_another_is_one_call() {
    let cases = [
        ("b - s rpc 1..9 t=Shop/Get\n c b s http 2..8 t=POST_x", "c>b"),
        ("b - s search 1..9 t=GET_shop\n c b s http 2..8 t=POST_x", "c>b"),
        ("b - s messaging 1..9 t=orders\n c b s rpc 2..8 t=PubSub/Publish", "c>b"),
        // two layers of the carrier
        ("b - s rpc 1..9 t=Shop/Get\n c b s http 2..8 t=POST_x\n d c s http 3..7 t=POST_x rows=1", "c>b d>b"),
        // not the only one, not contained, the other way round, a cache that loads
        ("b - s rpc 1..9 t=Shop/Get\n c b s http 2..3 t=POST_x\n d b s http 4..5 t=POST_x", ""),
        ("b - s rpc 1..3 t=Shop/Get\n c b s http 4..8 t=POST_x", ""),
        ("b - s http 1..9 t=POST_x\n c b s rpc 2..8 t=Shop/Get", ""),
        ("b - s cache 1..9 t=GET_x\n c b s http 2..8 t=POST_x", ""),
        ("b - s search 1..9 t=find role=internal\n c b s http 2..8 t=POST_x", ""),
        // a span without text around the one that has it
        ("b - s sql 1..9 t=execute generic\n c b s sql 2..8 t=SELECT_?", "b>c"),
        ("b - s sql 1..9 t=execute generic\n c b s sql 2..3 t=SELECT_?\n d b s sql 4..5 t=SELECT_?", ""),
    ];
    for (input, expect) in cases {
        check(input, Sealed::merged, expect);
    }
}

#[test]
fn executions_take_the_statement_that_was_prepared() {
    let template = |sealed: &Sealed| {
        let shown = ["p", "q", "e", "f"].map(|id| {
            let Some(span) =
                sealed.traces[0].spans.iter().find(|span| span.id == SpanId(id.as_bytes()[0].into()))
            else {
                return String::new();
            };
            format!("{id}:{}={} ", span.kind.word(), sealed.texts.get(span.template))
        });
        shown.concat().trim_end().to_owned()
    };
    let two = "a - s server 0..99
        p a s sql 1..2 t=SELECT_? name=PDO::prepare write hidden
        q a s client 3..4 t=DELETE_? name=PDO::prepare chatter";
    let cases = [
        // by link, and one prepare for several
        (
            "e a s sql 5..6 system=mysql name=PDOStatement::execute link=p\n f a s sql 7..8 system=mysql name=PDOStatement::execute link=p",
            "p:other=SELECT ? q:other=DELETE ? e:sql=SELECT ? f:sql=SELECT ?",
        ),
        // the nearest earlier sibling
        (
            "e a s client 5..6 system=mysql name=PDOStatement::execute",
            "p:sql=SELECT ? q:other=DELETE ? e:sql=DELETE ?",
        ),
        (
            "e a s sql 2..2.500 system=mysql name=execute generic t=execute",
            "p:other=SELECT ? q:other=DELETE ? e:sql=SELECT ?",
        ),
        // of another parent, or earlier than any
        ("e x s sql 5..6 system=mysql name=execute", "p:sql=SELECT ? q:other=DELETE ? e:sql=execute"),
        ("e a s sql 0.500..0.600 system=mysql name=execute", "p:sql=SELECT ? q:other=DELETE ? e:sql=execute"),
        // reading the rows is no call
        (
            "e a s sql 5..6 system=mysql name=execute link=p\n f a s sql 7..8 system=mysql name=PDOStatement::fetchAll link=p",
            "p:other=SELECT ? q:other=DELETE ? e:sql=SELECT ? f:other=",
        ),
        // a text of its own stays
        ("e a s sql 5..6 t=UPDATE_? name=execute link=p", "p:sql=SELECT ? q:other=DELETE ? e:sql=UPDATE ?"),
    ];
    for (input, expect) in cases {
        check(&format!("{two}\n{input}"), template, expect);
    }
    let sealed = seal(&format!("{two}\n e a s sql 5..6 system=mysql name=execute link=p"));
    assert_eq!(sealed.flagged(SpanFlags::WRITE), "p e");
    assert_eq!(sealed.flagged(SpanFlags::PARAMS_HIDDEN), "p e");
    let sealed = seal("e - s sql 5..6 system=mysql name=execute");
    assert_eq!(sealed.flagged(SpanFlags::GENERIC), "e");
}

#[test]
fn a_repetition_of_a_failed_call_is_a_retry() {
    let cases = [
        ("b a s http 1..2 t=X params=1 error\n c a s http 3..4 t=X params=1", "c"),
        ("b a s http 1..2 t=X params=1 timeout\n c a s http 2..4 t=X params=1", "c"),
        // the request was refused, or fine
        ("b a s http 1..2 t=X params=1 refused\n c a s http 3..4 t=X params=1", ""),
        ("b a s http 1..2 t=X params=1\n c a s http 3..4 t=X params=1", ""),
        // another request, another parent, at the same time
        ("b a s http 1..2 t=X params=1 error\n c a s http 3..4 t=X params=2", ""),
        ("b a s http 1..2 t=X params=1 error\n c a s http 3..4 t=Y params=1", ""),
        ("b a s http 1..2 t=X params=1 error\n c z s http 3..4 t=X params=1", ""),
        ("b a s http 1..5 t=X params=1 error\n c a s http 3..4 t=X params=1", ""),
        // hidden parameters prove nothing
        ("b a s sql 1..2 t=X hidden error\n c a s sql 3..4 t=X hidden", ""),
        // each failure explains one retry
        (
            "b a s http 1..2 t=X error\n c a s http 3..4 t=X error\n d a s http 5..6 t=X\n e a s http 7..8 t=X",
            "c d",
        ),
    ];
    for (input, expect) in cases {
        check(&format!("a - s server 0..20\n{input}"), |sealed| sealed.flagged(SpanFlags::RETRY), expect);
    }
}

#[test]
fn statements_between_begin_and_commit_are_in_a_transaction() {
    let cases = [
        (
            "b a s client 1..2 t=BEGIN tx\n c a s sql 3..4 t=X\n d a s client 5..6 t=COMMIT tx\n e a s sql 7..8 t=X",
            "c",
        ),
        (
            "b a s client 1..2 name=pg.query:BEGIN_shop tx\n c a s sql 3..4 t=X\n d a s client 5..6 name=ROLLBACK tx",
            "c",
        ),
        // deeper, by entry and peer
        (
            "b a s client 1..2 t=START_TRANSACTION tx peer=db\n i a s internal 2..5\n c i s sql 3..4 t=X peer=db\n f i s sql 3..4 t=X peer=other\n d a s client 5..6 t=COMMIT tx peer=db",
            "c",
        ),
        // savepoints are inside
        (
            "b a s client 1..2 t=BEGIN tx\n p a s client 2..3 t=ROLLBACK_TO_SAVEPOINT_x tx\n c a s sql 3..4 t=X\n d a s client 5..6 t=COMMIT tx",
            "c",
        ),
        // never closed, never opened, not SQL
        ("b a s client 1..2 t=BEGIN tx\n c a s sql 3..4 t=X", ""),
        ("c a s sql 3..4 t=X\n d a s client 5..6 t=COMMIT tx", ""),
        ("b a s client 1..2 t=BEGIN tx\n c a s http 3..4 t=X\n d a s client 5..6 t=COMMIT tx", ""),
    ];
    for (input, expect) in cases {
        let show = |sealed: &Sealed| sealed.flagged(SpanFlags::IN_TRANSACTION);
        check(&format!("a - s server 0..20\n{input}"), show, expect);
    }
}

#[test]
fn calls_in_flight_are_counted_to_the_nanosecond_over_all_traces() {
    let cases = [
        ("b - s sql 1..5 t=X\n c - s sql 2..4 t=Y\n d - s sql 3..6 t=Z", "b=1 c=2 d=3"),
        // one ends when another starts
        ("b - s sql 1..5 t=X\n c - s sql 5..6 t=X", "b=1 c=1"),
        ("b - s sql 1..5.001 t=X\n c - s sql 5..6 t=X", "b=1 c=2"),
        // of no duration
        ("b - s sql 1..1 t=X\n c - s sql 1..2 t=X\n d - s sql 1.001..2 t=X", "b=2 c=2 d=2"),
        // at an unknown time
        ("b - s sql 0..0 t=X untimed\n c - s sql 1..5 t=Y\n d - s sql 0..0 t=Z untimed", "c=1"),
        // across traces
        ("b - s sql 1..5 t=X\n c - s sql 2..4 t=Y trace=2", "b=1 c=2"),
        // another service, kind, peer
        (
            "b - s sql 1..5 t=X\n c - u sql 2..4 t=Y\n d - s http 2..4 t=Y\n e - s sql 2..4 t=Y peer=p",
            "b=1 c=1 d=1 e=1",
        ),
        // what does not count is not in flight
        ("b - s sql 1..5 t=X\n c b s sql 2..4 t=X\n d - s internal 2..3\n e - s sql 3..4 t=Y", "b=1 e=2"),
    ];
    for (input, expect) in cases {
        check(input, Sealed::in_flight, expect);
    }
}

#[test]
fn spans_without_a_start_stand_at_the_start_of_the_trace() {
    let sealed = seal("a - s server 5..9\n b a s sql 0..0 t=X untimed\n c a s sql 6..7 t=Y");
    let offsets: Vec<u64> =
        sealed.traces[0].spans.iter().map(|span| span.start_ns - sealed.traces[0].start_ns()).collect();
    assert_eq!(offsets, [0, 0, 1_000_000]);
    check("a - s server 0..0 untimed\n b a s sql 0..0 t=X untimed", Sealed::parents, "b<a");
}

#[test]
fn traces_come_by_start_then_id() {
    check(
        "a - s sql 5..6 t=X trace=1\n b - s sql 1..2 t=X trace=9\n c - s sql 5..6 t=X trace=0",
        Sealed::order,
        "b c a",
    );
    // the same span id in two traces is two spans
    check(
        "a - s server 0..9 trace=1\n a - s server 0..9 trace=2\n b a s sql 1..2 t=X trace=2",
        Sealed::parents,
        "b<a",
    );
}

#[test]
fn extreme_times_are_survived() {
    let mut texts = Texts::default();
    let service = texts.intern("s");
    let at = |id, start_ns, duration_ns| Span {
        id: SpanId(id),
        start_ns,
        duration_ns,
        kind: IoKind::Sql,
        service,
        template: service,
        ..Span::default()
    };
    let spans = vec![at(1, 0, u64::MAX), at(2, u64::MAX, 0), at(3, u64::MAX, u64::MAX), at(4, u64::MAX, 0)];
    let sealed = seal_spans(spans, texts, WindowOptions::default());
    assert!(sealed.traces[0].in_flight.iter().all(|count| *count > 0));
}

/// Scenario: the shapes that are worst for walks: a chain and a fan of 100,000 rows, with every reason
/// to look around. Guarantees: no recursion, nothing quadratic (which would take minutes).
#[test]
fn large_traces_finish() {
    const ROWS: u64 = 100_000;
    let mut texts = Texts::default();
    let service = texts.intern("s");
    let template = texts.intern("SELECT ?");
    let scopes = [texts.intern("orm"), texts.intern("pg")];
    let systems: Vec<_> = (0..1000).map(|n| texts.intern(&format!("SELECT ? {n}"))).collect();
    let row = |id: u64, parent: Option<u64>, start_ns: u64, duration_ns: u64, n: usize| Span {
        id: SpanId(id),
        parent: parent.map(SpanId),
        start_ns,
        duration_ns,
        kind: IoKind::Sql,
        role: SpanRole::Client,
        status: Status::ServerError,
        service,
        template: if n.is_multiple_of(2) { template } else { systems[n % systems.len()] },
        scope: scopes[n / 2 % 2],
        ..Span::default()
    };
    type Shape<'a> = &'a dyn Fn(u64) -> Span;
    let shapes: [(&str, Shape); 4] = [
        ("chain", &|n| row(n, n.checked_sub(1), n, 3 * ROWS - 2 * n, n as usize)),
        ("chain of one call", &|n| row(n, n.checked_sub(1), n, 3 * ROWS - 2 * n, 0)),
        ("chain at one instant", &|n| row(ROWS - n, n.checked_sub(1).map(|n| ROWS - n), 0, 0, n as usize)),
        ("fan", &|n| row(n, (n > 0).then_some(0), n / 3, 100, n as usize)),
    ];
    for (name, shape) in shapes {
        let begin = Instant::now();
        let mut texts_of_shape = Texts::default();
        for id in 1..texts.len() as u32 {
            texts_of_shape.intern(texts.get(crate::trace::TextId(id)));
        }
        let sealed = seal_spans((0..ROWS).map(shape).collect(), texts_of_shape, WindowOptions::default());
        assert_eq!(sealed.traces[0].spans.len() as u64, ROWS, "{name}");
        assert!(begin.elapsed().as_secs() < 20, "{name} took {:?}", begin.elapsed());
    }
}

/// A trace of few ids, times and texts, so that every kind of clash happens.
fn any_span() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 16)
}

fn span_of(bytes: &[u8], texts: &mut Texts) -> Span {
    let pick = |byte: usize, below: u8| bytes[byte] % below;
    let mut text = |prefix: &str, byte: usize, below: u8| match pick(byte, below) {
        0 => texts.intern(""),
        n => texts.intern(&format!("{prefix}{n}")),
    };
    let kinds = [IoKind::Other, IoKind::Sql, IoKind::Sql, IoKind::Http, IoKind::Rpc];
    let roles =
        [SpanRole::Internal, SpanRole::Client, SpanRole::Client, SpanRole::Server, SpanRole::Producer];
    let statuses = [Status::Unset, Status::ServerError, Status::ClientError];
    let mut span = Span {
        trace: TraceId(u128::from(pick(0, 2))),
        id: SpanId(u64::from(pick(1, 24))),
        parent: (pick(2, 30) < 26).then(|| SpanId(u64::from(pick(2, 30)))),
        start_ns: 1_000_000_000 + u64::from(pick(3, 12)) * 500_000,
        duration_ns: u64::from(pick(4, 8)) * 700_000,
        kind: kinds[usize::from(pick(5, 5))],
        role: roles[usize::from(pick(6, 5))],
        status: statuses[usize::from(pick(7, 3))],
        service: text("service", 8, 3),
        name: text("execute prepare BEGIN COMMIT", 9, 4),
        template: text("SELECT ", 10, 4),
        system: text("pg", 10, 2),
        scope: text("scope", 11, 4),
        route: text("GET /", 12, 5),
        code: CodeLocation {
            namespace: text("shop.", 13, 4),
            function: text("f", 13, 3),
            ..Default::default()
        },
        params: u64::from(pick(14, 3)),
        rows: (pick(15, 3) == 0).then_some(1),
        batch_size: 1,
        ..Span::default()
    };
    for (bit, flag) in
        [SpanFlags::PARAMS_HIDDEN, SpanFlags::TRUNCATED, SpanFlags::GENERIC, SpanFlags::TRANSACTION]
            .iter()
            .enumerate()
    {
        if bytes[15] >> 2 & 15 == bit as u8 {
            span.flags.set(*flag);
        }
    }
    if bytes[14] > 200 {
        span.links.push(Link { trace: span.trace, span: SpanId(u64::from(pick(13, 24))) });
    }
    span
}

fn seal_bytes(rows: &[Vec<u8>], limit: u32) -> Sealed {
    let mut texts = Texts::default();
    let spans = rows.iter().map(|bytes| span_of(bytes, &mut texts)).collect();
    seal_spans(spans, texts, WindowOptions { max_spans_per_trace: limit, ..WindowOptions::default() })
}

proptest! {
    #[test]
    fn the_order_of_the_input_does_not_matter(
        (rows, shuffled) in prop::collection::vec(any_span(), 0..60)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        limit in 1u32..60,
    ) {
        prop_assert_eq!(seal_bytes(&rows, limit).dump(), seal_bytes(&shuffled, limit).dump());
    }

    #[test]
    fn every_span_is_sealed_or_counted(rows in prop::collection::vec(any_span(), 0..60), limit in 1u32..60) {
        let Sealed { traces, losses, .. } = seal_bytes(&rows, limit);
        let sealed: usize = traces.iter().map(|trace| trace.spans.len()).sum();
        let lost = losses.get("duplicate_spans") + losses.get("spans_over_trace_limit");
        prop_assert_eq!(rows.len() as u64, sealed as u64 + lost);
        let merged = traces.iter().flat_map(|trace| &trace.merged_into).filter(|row| **row != NO_ROW).count();
        prop_assert_eq!(merged as u64, losses.get("merged_duplicate_spans"));
    }

    #[test]
    fn columns_are_sound(rows in prop::collection::vec(any_span(), 0..60)) {
        let sealed = seal_bytes(&rows, 1000);
        for trace in &sealed.traces {
            let len = trace.spans.len();
            prop_assert!([trace.parents.len(), trace.entries.len(), trace.endpoints.len(),
                trace.merged_into.len(), trace.in_flight.len()].iter().all(|column| *column == len));
            prop_assert!(trace.spans.windows(2).all(|pair| pair[0].start_ns <= pair[1].start_ns));
            for row in 0..len {
                let span = &trace.spans[row];
                let entry = trace.entries[row] as usize;
                prop_assert_eq!(span.service, trace.spans[entry].service);
                prop_assert!(!trace.endpoints[row].is_empty());
                prop_assert_eq!(span.flags.has(SpanFlags::MERGED), trace.merged_into[row] != NO_ROW);
                prop_assert_eq!(trace.counts(row), trace.in_flight[row] > 0);
                if trace.merged_into[row] != NO_ROW {
                    prop_assert!(trace.counts(trace.merged_into[row] as usize), "merged into what does not count");
                }
                // no row is above itself
                let mut above = trace.parents[row];
                for _ in 0..len {
                    above = trace.parents.get(above as usize).copied().unwrap_or(NO_ROW);
                }
                prop_assert_eq!(above, NO_ROW);
            }
        }
    }

    #[test]
    fn in_flight_is_what_comparing_all_calls_says(rows in prop::collection::vec(any_span(), 0..60)) {
        let sealed = seal_bytes(&rows, 1000);
        let calls: Vec<(&Span, u32)> = sealed.traces.iter()
            .flat_map(|trace| (0..trace.spans.len()).filter(|row| trace.counts(*row))
                .map(|row| (&trace.spans[row], trace.in_flight[row])))
            .collect();
        for (call, counted) in &calls {
            let is_open = |other: &Span| {
                (other.service, other.kind, other.peer) == (call.service, call.kind, call.peer)
                    && other.start_ns <= call.start_ns
                    && (other.end_ns() > call.start_ns || other.start_ns == call.start_ns)
            };
            prop_assert_eq!(*counted as usize, calls.iter().filter(|(other, _)| is_open(other)).count());
        }
    }
}

#[test]
fn an_empty_window_seals_to_nothing() {
    let window = Window::new(WindowOptions::default());
    assert!(window.is_empty() && window.traces() == 0);
    assert!(window.seal(&mut Texts::default(), &mut Losses::default()).is_empty());
    let mut window = Window::new(WindowOptions::default());
    let mut texts = Texts::default();
    spans("a - s server 0..1\n b - s server 0..1 trace=2", Clock::Fine, &mut texts)
        .into_iter()
        .for_each(|span| window.push(span));
    assert_eq!((window.len(), window.traces()), (2, 2));
}
