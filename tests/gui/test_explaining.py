"""Each way to explain a detection, from the menu to the layer; the pictures go to build/screenshots."""


def test_explanations_are_compared_from_the_menu(play):
    play("explaining_scenarios.compared", seconds=200)


def test_the_network_is_looked_into_from_the_menu(play):
    play("explaining_scenarios.looked_into", seconds=200)


def test_what_a_detection_rests_on_is_shown_from_the_menu(play):
    play("explaining_scenarios.rested_on", seconds=200)


def test_regions_are_explained_from_the_menu(play):
    play("explaining_scenarios.regions_explained", seconds=200)


def test_regions_are_explained_by_bands_from_the_menu(play):
    play("explaining_scenarios.bands_explained", seconds=200)
