"""What the demo found, in words and figures."""

from pathlib import Path
from typing import List

from qgis.core import QgsCoordinateTransform, QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer

#: Part of a true farm that detections must cover for it to count as found.
FOUND_SHARE = 0.25


def print_detections(path: Path) -> None:
    """A table of the detections, largest first."""
    detections = sorted(_layer(path).getFeatures(), key=lambda f: -f["area_ha"])
    print(f"\n{len(detections)} detections, {sum(f['area_ha'] for f in detections):.1f} ha")
    if detections:
        print("    ha   mean p   max p   longitude   latitude   id")
    for f in detections[:25]:
        print(
            f"{f['area_ha']:6.2f}   {f['mean_probability']:6.2f}   {f['max_probability']:5.2f}   "
            f"{f['longitude']:9.5f}  {f['latitude']:9.5f}   {f['id']}"
        )
    if len(detections) > 25:
        print(f"… and {len(detections) - 25} smaller ones")


def compare_with_truth(path: Path, truth: Path) -> None:
    """How many of the simulated scene's farms were found, and how much was detected where there is none."""
    found_layer, true_layer = _layer(path), _layer(truth)
    to_truth = QgsCoordinateTransform(found_layer.crs(), true_layer.crs(), QgsProject.instance())
    detections = [_moved(f, to_truth) for f in found_layer.getFeatures()]
    farms: List[QgsFeature] = sorted(true_layer.getFeatures(), key=lambda f: -f["area_ha"])
    everything = QgsGeometry.unaryUnion(detections)
    true_area = QgsGeometry.unaryUnion([farm.geometry() for farm in farms])
    print("\nAgainst the truth of the SIMULATED scene")
    print("  farm ha   covered")
    covered = [everything.intersection(farm.geometry()).area() / farm.geometry().area() for farm in farms]
    for farm, share in zip(farms, covered):
        print(f"{farm['area_ha']:9.2f}   {share:6.0%}   {'found' if share >= FOUND_SHARE else 'MISSED'}")
    false = [d for d in detections if not d.intersects(true_area)]
    both = everything.intersection(true_area).area()
    union = everything.area() + true_area.area() - both
    print(f"{sum(share >= FOUND_SHARE for share in covered)} of {len(farms)} farms found; ", end="")
    print(f"{len(false)} detections where there is no farm ({sum(d.area() for d in false) / 1e4:.1f} ha); ", end="")
    print(f"intersection over union {both / union if union else 0:.2f}")


def _layer(path: Path) -> QgsVectorLayer:
    return QgsVectorLayer(str(path), path.stem, "ogr")


def _moved(feature: QgsFeature, transform: QgsCoordinateTransform) -> QgsGeometry:
    geometry = QgsGeometry(feature.geometry())
    geometry.transform(transform)
    return geometry
