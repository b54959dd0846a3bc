# Solar Saliency. `make demo` and `make test` each work on a fresh Debian or Ubuntu machine: they install what is missing.

# QGIS's own Python: its bindings live there, whatever python3 on the PATH may be.
SYSTEM_PYTHON := /usr/bin/python3
# Where pip finds torch; empty: as pip is configured. PyTorch's index of builds for processors avoids 2.5 GB of CUDA.
TORCH_INDEX ?=
# The scene of `make demo`; empty: the simulated sample.
SCENE ?=
DATA ?= ../shared/data

QGIS_PACKAGES := qgis python3-qgis python3-venv
SCREEN_PACKAGES := xvfb xauth xdotool openbox imagemagick x11-apps
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

ENGINE := .venv/engine
DEV := .venv/dev
QGIS := .venv/qgis
export SOLAR_SALIENCY_ENGINE := $(CURDIR)/$(ENGINE)

PYTEST_DEV := $(DEV)/bin/python -m pytest
# The plugin under the name that QGIS loads it by.
LINK := build/link/solar_saliency

.PHONY: demo test test-lint test-engine test-qgis test-gui lint bench survey contact-sheets screenshots train study guide translations package clean qgis screen
.NOTPARALLEL:

demo: qgis $(ENGINE)/.ready
	$(SYSTEM_PYTHON) demo/run_demo.py $(if $(SCENE),--scene "$(SCENE)")

test: lint test-lint test-engine test-qgis test-gui

test-lint: $(DEV)/.ready
	$(PYTEST_DEV) tests/lint

test-engine: $(DEV)/.ready
	$(PYTEST_DEV) tests/engine

test-qgis: qgis screen $(ENGINE)/.ready $(QGIS)/.ready
	QT_QPA_PLATFORM=offscreen $(QGIS)/bin/python -m pytest tests/qgis

test-gui: qgis screen $(ENGINE)/.ready $(QGIS)/.ready
	$(QGIS)/bin/python -m pytest tests/gui

lint: $(DEV)/.ready $(LINK)
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy -p solar_saliency_plugin.contract -p solar_saliency_plugin.engine
	PYTHONPATH=build/link $(DEV)/bin/lint-imports --no-logo --no-cache
	$(DEV)/bin/bandit --quiet -c pyproject.toml -r solar_saliency_plugin processing_algorithms __init__.py
	git ls-files -co --exclude-standard -z | xargs -0 $(DEV)/bin/detect-secrets-hook
	$(DEV)/bin/vermin --quiet --no-tips --violations --target=3.9- --eval-annotations --no-parse-comments \
	    __init__.py processing_algorithms solar_saliency_plugin/bridge solar_saliency_plugin/contract \
	    solar_saliency_plugin/gui solar_saliency_plugin/plugin.py solar_saliency_plugin/qgis_compat.py

bench: $(DEV)/.ready
	$(DEV)/bin/python tests/benchmarks/run.py

# What detection finds on every real scene of the shared data.
survey: qgis $(ENGINE)/.ready
	$(SYSTEM_PYTHON) tests/survey/run.py --data "$(DATA)"

# Every attribution method on real farms and on the sample, a picture a farm.
contact-sheets: $(ENGINE)/.ready
	$(ENGINE)/bin/python tests/survey/explain.py --data "$(DATA)"

# The GUI tests look at every window that they open, and keep the pictures.
screenshots: test-gui
	@ls build/screenshots/*.png

# The default model, and a wide one to compare it with. The networks of the cross-validation are kept in build/study.
train: $(ENGINE)/.ready
	for model in compact wide; do $(ENGINE)/bin/python -m solar_saliency_plugin.engine.training --data "$(DATA)" \
	    --networks build/study --model $$model --output build/models/$$model || exit 1; done

# What the recipe is worth: the tables of the models' cards.
study: $(DEV)/.ready
	$(DEV)/bin/python -m solar_saliency_plugin.engine.training.study --data "$(DATA)" --networks build/study \
	    --output solar_saliency_plugin/engine/training/study.json

# The help on explanations, from the list of methods, with the formulas shown on a simulated farm; and, not for
# shipping, on a real one: build/guide.
FARMS := $(DATA)/austria-pv-2022
guide: $(ENGINE)/.ready
	$(ENGINE)/bin/python -m solar_saliency_plugin.engine samplescene --output build/guide/sample
	$(ENGINE)/bin/python -m solar_saliency_plugin.engine.attribution.guide --output resources/help \
	    --scene build/guide/sample --polygons build/guide/sample/SIMULATED_truth.gpkg --feature 11
	test ! -d "$(FARMS)" || $(ENGINE)/bin/python -m solar_saliency_plugin.engine.attribution.guide --output build/guide \
	    --scene "$(FARMS)/s2/S2_2022_777.nc" --date 2022-07-19 --polygons "$(FARMS)/farm_polygons.geojson" --feature 772

# Texts for translators, and for QGIS what they made of them. lrelease comes with python3-qgis.
translations: qgis
	$(SYSTEM_PYTHON) tests/translations/template.py
	for language in $(wildcard resources/i18n/solar_saliency_*.ts); do lrelease -silent $$language || exit 1; done

# What a user installs: tracked files of the plugin, without what only developers need.
package:
	mkdir -p build
	git archive --format=zip --prefix=solar_saliency/ --output=build/solar_saliency.zip HEAD -- . \
	    ':!.ci' ':!.gitignore' ':!CONTRIBUTING.md' ':!Makefile' ':!demo' ':!pyproject.toml' ':!requirements-dev.txt' \
	    ':!tests'
	@size=$$(stat -c %s build/solar_saliency.zip); echo "build/solar_saliency.zip: $$size bytes"; \
	    test $$size -le 26214400 || { echo "larger than the 25 MB that plugins.qgis.org takes"; exit 1; }

clean:
	rm -rf build .venv

qgis:
	@{ command -v qgis_process && $(SYSTEM_PYTHON) -c "import ensurepip, qgis.core"; } >/dev/null 2>&1 || { \
	    echo "QGIS is not installed. Installing it now with apt: $(QGIS_PACKAGES)"; $(call apt,$(QGIS_PACKAGES)); }

screen:
	@for tool in Xvfb xauth xdotool openbox import xwd; do command -v $$tool >/dev/null || missing=$$tool; done; \
	    test -z "$$missing" || { echo "The tests need a virtual screen. Installing it now with apt: $(SCREEN_PACKAGES)"; \
	    $(call apt,$(SCREEN_PACKAGES)); }

apt = $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $(1)

# torch first, from its own index where one is set; the rest cannot replace it, since it is pinned there too.
$(ENGINE)/.ready: resources/engine/requirements.txt | qgis
	$(SYSTEM_PYTHON) -m venv --clear $(ENGINE)
	$(ENGINE)/bin/pip install --disable-pip-version-check --only-binary=:all: --quiet $(addprefix --index-url=,$(TORCH_INDEX)) $$(grep ^torch== $<)
	$(ENGINE)/bin/pip install --disable-pip-version-check --only-binary=:all: --quiet -r $<
	touch $@

# Tests and checks see the engine's packages by a path file, which comes first so that pip need not add them again.
$(DEV)/.ready: requirements-dev.txt $(ENGINE)/.ready
	$(SYSTEM_PYTHON) -m venv --clear $(DEV)
	site='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	    $(ENGINE)/bin/python -c "$$site" > "$$($(DEV)/bin/python -c "$$site")/engine.pth"
	$(DEV)/bin/pip install --disable-pip-version-check --only-binary=:all: --quiet -r $<
	touch $@

$(QGIS)/.ready: tests/qgis/requirements.txt | qgis
	$(SYSTEM_PYTHON) -m venv --clear --system-site-packages $(QGIS)
	$(QGIS)/bin/pip install --disable-pip-version-check --only-binary=:all: --quiet -r $<
	touch $@

$(LINK):
	mkdir -p $(@D)
	ln -sfn ../.. $@
