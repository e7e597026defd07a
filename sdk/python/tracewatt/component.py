"""Between the exports of the interface and the one `Detector` in the module `plugin`. Not part of what authors use."""

from componentize_py_types import Err
from wit_world.exports import manifest as wit_manifest
from wit_world.imports import types as wit

import plugin

from . import Batch, Detector, Finding, Fix, Rule, Setting, Value, _known, log


def _find() -> type[Detector]:
    found = [
        value
        for value in vars(plugin).values()
        if isinstance(value, type) and issubclass(value, Detector) and value is not Detector
    ]
    if len(found) != 1:
        raise TypeError(f"plugin.py must define one subclass of tracewatt.Detector, not {len(found)}")
    return found[0]


_detector = _find()
_severities = {"info": wit.Severity.INFO, "warning": wit.Severity.WARNING, "critical": wit.Severity.CRITICAL}
_rules = {rule.name: (index, rule.severity) for index, rule in enumerate(_detector.rules)}
_instance: Detector


def _to_wit(value: Value) -> wit.Value:
    if isinstance(value, bool):
        return wit.Value_Boolean(value)
    if isinstance(value, int):
        return wit.Value_Integer(value)
    if isinstance(value, float):
        return wit.Value_Number(value)
    if isinstance(value, str):
        return wit.Value_Text(value)
    return wit.Value_TextList([str(text) for text in value])


def _kind(setting: Setting) -> wit_manifest.SettingKind:
    default, bounds = setting.default, (setting.least, setting.most)
    if setting.choices is not None:
        return wit_manifest.SettingKind_Choice(setting.choices)
    if isinstance(default, bool):
        return wit_manifest.SettingKind_Boolean()
    if isinstance(default, str):
        return wit_manifest.SettingKind_Text()
    if isinstance(default, list):
        return wit_manifest.SettingKind_TextList()
    if None in bounds:
        raise TypeError(f"setting {setting.name} is a number and needs bounds")
    if isinstance(default, int):
        return wit_manifest.SettingKind_Integer((int(bounds[0]), int(bounds[1])))
    return wit_manifest.SettingKind_Number((float(bounds[0]), float(bounds[1])))


def _setting(setting: Setting) -> wit_manifest.Setting:
    return wit_manifest.Setting(setting.name, _kind(setting), _to_wit(setting.default), setting.doc)


def _rule(rule: Rule) -> wit_manifest.Rule:
    fixes = [wit_manifest.Fix(fix.framework, fix.text, fix.url) for fix in rule.fixes]
    severity = _severities[rule.severity]
    return wit_manifest.Rule(rule.name, rule.title, rule.page, severity, rule.advice, rule.yields_to, fixes)


def _finding(finding: Finding) -> wit.Finding:
    if finding.rule not in _rules:
        raise ValueError(f"the detector has no rule {finding.rule}")
    index, severity = _rules[finding.rule]
    return wit.Finding(
        rule=index,
        severity=_severities[finding.severity or severity],
        confidence=finding.confidence,
        spans=[span.row for span in finding.spans],
        avoidable=[span.row for span in finding.avoidable],
        occurrences=finding.occurrences,
        quorum=finding.quorum,
        subject=finding.subject,
        message=finding.message,
        advice=finding.advice,
        evidence=[wit.Entry(name, _to_wit(value)) for name, value in finding.evidence.items()],
    )


def _places(error: BaseException) -> str:
    """Where it was raised, innermost first. The module traceback would read files, which are not there."""
    places, frame = [], error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{code.co_filename}:{frame.tb_lineno} in {code.co_name}")
        frame = frame.tb_next
    return " <- ".join(reversed(places))


def _told(call):
    """Lets the host know what was raised and where, before it is: the last thing an instance says."""

    def telling(*args):
        try:
            return call(*args)
        except Err:
            raise
        except BaseException as error:
            log(f"{type(error).__name__}: {error}, at {_places(error)}", "error")
            raise

    return telling


class Manifest:
    @_told
    def describe(self) -> wit_manifest.Description:
        kinds, least = _detector.interest
        return wit_manifest.Description(
            name=_detector.name,
            version=_detector.version,
            summary=_detector.summary,
            license=_detector.license,
            rules=[_rule(rule) for rule in _detector.rules],
            settings=[_setting(setting) for setting in _detector.settings],
            interest=wit_manifest.Interest(bytes(kinds), least),
        )


class Lifecycle:
    @_told
    def configure(self, settings: list[wit.Entry]) -> None:
        global _instance
        detector = _detector()
        for entry in settings:
            setattr(detector, entry.name, entry.value.value)
        try:
            detector.check()
        except ValueError as error:
            raise Err(str(error))
        _instance = detector


class Detect:
    @_told
    def detect(self, traces: int, spans: int) -> list[wit.Finding]:
        _known.begin()
        return [_finding(finding) for finding in _instance.detect(Batch()) or ()]
