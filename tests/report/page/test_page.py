import html
import json
import re
import shutil
import subprocess

import pytest

from medloc.report.figures.files import FIGURES, Drawn
from medloc.report.page import inline_svg
from medloc.report.whole import write_report
from medloc.runs import find_records, write_record
from tests.report.conftest import fabricate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

MEASURE = """
<script>
addEventListener("load", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  const area = (one) => (({width, height, left, right}) => [width, height, left, right])(one.getBoundingClientRect());
  const out = document.createElement("pre");
  out.id = "measured";
  out.textContent = JSON.stringify({
    page: document.documentElement.scrollWidth, window: innerWidth,
    pictures: [...document.querySelectorAll("figure svg")].map(area),
    wide: [...document.querySelectorAll(".wide")].filter((one) => one.scrollWidth > one.clientWidth)
      .map((one) => one.innerText.slice(0, 60)),
    loaded: performance.getEntriesByType("resource").map((one) => one.name),
    title: document.title,
  });
  document.body.append(out);
});
</script>
"""


@pytest.fixture(scope="module")
def text(written):
    return (written[1] / "report.html").read_text(encoding="utf-8")


def test_everything_stands_on_the_page(text, written):
    for name in FIGURES:
        assert f'<article id="{name}">' in text
    assert text.count("<svg ") == len(FIGURES)
    for table in written[0].tables:
        assert html.escape(table.title, quote=False) in html.unescape(text).replace("&", "&amp;") or table.title in text
    assert "phantom data, tiny models, train=tiny, 60 steps" in text
    for section in ("tables", "figures", "sparsity", "heights", "claims", "audit", "missing", "provenance"):
        assert f'<h2 id="{section}">' in text
        assert f'<a href="#{section}">' in text


def test_what_a_model_wrote_is_escaped(text):
    assert "&lt;script&gt;alert(&#39;answered&#39;)&lt;/script&gt;" in text
    assert "<script" not in text
    assert "<b>[" not in text


def test_the_page_needs_nothing_from_elsewhere(text):
    targets = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert targets
    assert all(target.startswith(("#", "data:image/png;base64,")) for target in targets)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", text)


def test_missing_runs_are_named_with_their_command(text):
    # the grid holds the figures' runs alone, so that Table 2's are missing
    assert (
        "python -m medloc.run -m dataset=ham10000 model=tiny_s method=medloc schedule=piecewise criteria=no_reward"
        in text
    )


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The folder and page of two groups of runs and a failed one, written where an older report had three groups."""
    folder = tmp_path_factory.mktemp("parts")
    failed = fabricate(seed=44, status="failed", reason="ValueError: <script>bad()</script>")
    for record in (fabricate(seed=42), fabricate(seed=43), fabricate(seed=42, steps=500), failed):
        write_record(folder / "runs" / record.key, record)
    (folder / "figures").mkdir()
    for name in (*(f"rewards-3.{kind}" for kind in ("csv", "png", "svg")), "mine-3.csv", "rewards-draft.csv"):
        (folder / "figures" / name).touch()
    write_report(folder, find_records(folder))
    return folder, (folder / "report.html").read_text(encoding="utf-8")


def test_what_failed_is_said_and_escaped(parts):
    assert "ValueError: &lt;script&gt;bad()&lt;/script&gt;" in parts[1]


def test_runs_that_do_not_compare_have_parts_of_their_own(parts):
    _, text = parts
    for steps in (250, 500):
        assert f"held against phantom data, tiny models, train=tiny, {steps} steps" in text
    assert text.index("250 steps") < text.index("500 steps")  # the larger group first


def test_figures_of_a_part_that_is_no_more_do_not_stay_behind(parts):
    """Two parts, so that files numbered 3 are of an older report; whatever is not a figure of ours is left alone."""
    figures = parts[0] / "figures"
    assert list(figures.glob("*-2.csv"))
    assert [path.name for path in figures.glob("*-3.*")] == ["mine-3.csv"]
    assert (figures / "rewards-draft.csv").exists()


def test_a_picture_takes_the_page_s_colours_and_ids_of_its_own(tmp_path):
    svg = """<?xml version="1.0"?>
<svg width="72pt" height="36pt" viewBox="0 0 72 36"><metadata>x</metadata><defs><path id="a" d="M 0 0"/></defs>
<g id="figure_1"><!-- said --><use xlink:href="#a" style="fill: #1b1f25"/><g clip-path="url(#a)"/></g></svg>
"""
    file = tmp_path / "figure3.svg"
    file.write_text(svg)
    figure = Drawn("figure3", 'a "title"', "phantom data", "", "", file, (), ())
    element, width = inline_svg(figure)
    assert width == 96  # 72 points are an inch, 96 CSS pixels
    assert element == (
        '<svg viewBox="0 0 72 36" role="img" aria-label="a &#34;title&#34;; phantom data">'
        '<defs><path id="figure3-a" d="M 0 0"/></defs>\n'
        '<g><use xlink:href="#figure3-a" style="fill: currentColor"/><g clip-path="url(#figure3-a)"/></g></svg>'
    )
    file.write_text("<svg></svg>")
    with pytest.raises(ValueError, match="figure3: not an SVG of matplotlib"):
        inline_svg(figure)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here; install the distribution's package")
def test_a_browser_shows_the_page(text, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    command = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"),
        *(f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,900", "--virtual-time-budget=10000"),
        *("--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert found, done.stderr[-2000:]
    measured = json.loads(html.unescape(found[1]))
    assert "CONSOLE" not in done.stderr
    assert measured["loaded"] == []
    assert measured["window"] == 1280
    assert measured["page"] <= 1280
    assert measured["wide"] == []
    assert len(measured["pictures"]) == len(FIGURES)
    for width, height, left, right in measured["pictures"]:
        assert width > 400
        assert height > 200
        assert 0 <= left < right <= 1280
