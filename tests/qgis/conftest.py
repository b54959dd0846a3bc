"""A real QGIS without a window: own profile, own link to the plugin, the engine of SOLAR_SALIENCY_ENGINE."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Before QGIS is imported: it reads where its profile is when it starts. The plugin is found by the name it has in QGIS.
SESSION = Path(tempfile.mkdtemp(prefix="solar-saliency-qgis-"))
atexit.register(shutil.rmtree, SESSION, ignore_errors=True)
(SESSION / "plugins").mkdir()
(SESSION / "plugins" / "solar_saliency").symlink_to(ROOT)
sys.path.insert(0, str(SESSION / "plugins"))
os.environ["QGIS_CUSTOM_CONFIG_PATH"] = str(SESSION / "profile")
os.environ["XDG_DATA_HOME"] = str(SESSION / "data")
os.environ.pop("SOLAR_SALIENCY_MODELS", None)  # models are installed among the data
os.environ.setdefault("XDG_RUNTIME_DIR", str(SESSION))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest  # noqa: E402
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingFeedback, QgsProject, QgsVectorLayer  # noqa: E402

_application = QgsApplication([], True)
_application.initQgis()
sys.path.append(str(Path(QgsApplication.pkgDataPath()) / "python" / "plugins"))

from processing.core.Processing import Processing  # noqa: E402

Processing.initialize()


class Listener(QgsProcessingFeedback):
    """A feedback that remembers what the user would have read."""

    def __init__(self) -> None:
        super().__init__(False)
        self.texts = []
        self.warnings = []
        self.errors = []

    def pushInfo(self, info):  # noqa: N802
        self.texts.append(info)

    def setProgressText(self, text):  # noqa: N802
        self.texts.append(text)

    def pushWarning(self, warning):  # noqa: N802
        self.warnings.append(warning)

    def reportError(self, error, fatalError=False):  # noqa: N802, N803
        self.errors.append(error)


@pytest.fixture(scope="session")
def provider():
    """The provider as the plugin registers it when there is no window (qgis_process)."""
    import solar_saliency

    plugin = solar_saliency.classFactory(None)
    plugin.initProcessing()
    yield QgsApplication.processingRegistry().providerById("solarsaliency")
    plugin.unload()


@pytest.fixture(scope="session")
def engine():
    """The folder of the engine's environment; a test that needs it fails where there is none."""
    from solar_saliency.solar_saliency_plugin.bridge import environment

    state = environment.state()
    assert state.ready, (
        f"{state.reason} Tests look for the engine where SOLAR_SALIENCY_ENGINE says (make .venv/engine)."
    )
    return state.folder


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def context():
    """A Processing context on the (empty) project of the session."""
    found = QgsProcessingContext()
    found.setProject(QgsProject.instance())
    yield found
    QgsProject.instance().clear()


@pytest.fixture(scope="session")
def sample(provider, engine, tmp_path_factory):
    """Outputs of a small simulated sample: OUTPUT (folder), SCENE (tidy raster), TRUTH (polygons)."""
    import processing

    folder = tmp_path_factory.mktemp("sample") / "simulated scene ü"
    return processing.run("solarsaliency:samplescene", {"SIZE": 320, "OUTPUT": str(folder)}, feedback=Listener())


@pytest.fixture(scope="module")
def files(sample, tmp_path_factory):
    """The sample's probability and detections."""
    import processing

    folder = tmp_path_factory.mktemp("found")
    made = {"OUTPUT": str(folder / "p.tif"), "POLYGONS": str(folder / "d.gpkg")}
    processing.run("solarsaliency:detect", {"INPUT": sample["SCENE"], "THRESHOLD": 0.45, "WINDOW": 128, **made})
    return made


@pytest.fixture
def project():
    """The project of the session, emptied when the test is over."""
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def found(files, project):
    """The layer of the sample's detections, in the project."""
    layer = QgsVectorLayer(files["POLYGONS"] + "|layername=detections", "Detections")
    project.addMapLayer(layer)
    return layer


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real scenes beside the repository; without it the test skips, or fails where it must be there."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        message = f"there are no real scenes at {folder}"
        if os.environ.get("SOLAR_SALIENCY_REQUIRE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture
def real(engine):
    """A worker of its own with the real engine."""
    from solar_saliency.solar_saliency_plugin.bridge.worker import Worker

    own = Worker()
    yield own
    own.stop()


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Starts workers whose engine is a stand-in, which misbehaves on command."""
    from solar_saliency.solar_saliency_plugin.bridge import engine_process, environment
    from solar_saliency.solar_saliency_plugin.bridge import worker as worker_module
    from solar_saliency.solar_saliency_plugin.contract.version import PROTOCOL_VERSION
    from tests.qgis.engines import STAND_IN

    def start(protocol=PROTOCOL_VERSION):
        script = tmp_path / "stand_in.py"
        script.write_text(f"PROTOCOL = {protocol!r}\n{STAND_IN}", encoding="utf-8")
        monkeypatch.setattr(engine_process, "start_command", lambda python: (sys.executable, "-u", str(script)))
        found = environment.EngineState(True, "", Path(sys.executable), tmp_path)
        monkeypatch.setattr(worker_module, "state", lambda: found)
        started.append(worker_module.Worker())
        return started[-1]

    started = []
    yield start
    for each in started:
        each.stop()


@pytest.fixture
def no_engine(tmp_path, monkeypatch):
    """A session in which no engine is installed."""
    monkeypatch.setenv("SOLAR_SALIENCY_ENGINE", str(tmp_path / "nothing here"))
