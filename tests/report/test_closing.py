from medloc.report.closing import closing_table


def rows(text):
    return {line[:38].strip(): line.split()[-6:] for line in text.splitlines()[4:]}


def test_hand_computed(fabricate):
    text = closing_table(fabricate(a50=0.9346))
    assert text.splitlines()[0] == "phantom data, tiny_s: heel, seed 42; percent"
    assert text.splitlines()[2].split() == ["A@0.5", "A@0.8", "mAP", "mean", "IoU", "parsed", "N"]
    found = rows(text)
    assert found["zero-shot start"] == ["13.64", "1.64", "4.78", "50.00", "99.80", "500"]
    assert found["trained (medloc, piecewise, 250 steps)"][0] == "93.46"
    assert found["best constant box"][0] == "31.00"
    assert found["answer-grid ceiling"][:3] == ["100.00", "97.00", "90.00"]


def test_what_is_missing_is_a_dash(fabricate):
    record = fabricate()
    record.metrics["constant_box"] = None
    record.metrics["final"]["parse_rate"] = None
    found = rows(closing_table(record))
    assert found["best constant box"] == ["-"] * 6
    assert found["trained (medloc, piecewise, 250 steps)"][4] == "-"


def test_a_zero_shot_run_has_nothing_trained(fabricate):
    assert "trained" not in closing_table(fabricate("zero_shot"))


def test_calibration_images_are_named(fabricate):
    assert "heel, calibration images, seed 42" in closing_table(fabricate(evaluated_on="calibration"))
