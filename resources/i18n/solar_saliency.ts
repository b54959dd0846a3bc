<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
    <context>
        <name>Answers</name>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>superpixel {number}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>{bands} of {part}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>{colour} {band}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>what surrounds the region</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>The answer was raised by {raised}; lowered by {lowered}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>The answer was raised by {raised}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>The answer was lowered by {lowered}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>raised by {raised}; lowered by {lowered}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>raised by {raised}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>lowered by {lowered}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Nothing is sure to have raised or lowered the answer: allow more evaluations.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Nothing raised or lowered the answer: the baseline gives the same one.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>The answer is {f_x} for the image and {f_baseline} for the baseline ({baseline}); the values add up to {sum}, which is the difference.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>The answer is {f_x} for the image and {f_baseline} for the baseline ({baseline}); the values add up to {sum}, {gap} off the difference, {difference}.</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>{count} evaluations</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>{count} evaluations, {known} of them known from before</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>largest standard error {error}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>no error is known</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Found by: {method} ({facts}).</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Found by: {method} ({facts}). Stopped before all were used.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Hatched, as even their sign is not sure: {names}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>⚠ Hidden by the baseline: {names}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Compared with {baseline}: {error}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Compared with {baseline}, for which the answer is {f_baseline}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Compared with {baseline}, for which the answer is {f_baseline}: rank correlation of the values {agrees}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>⚠ It hides {names}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>Together more (+) or less (−) than each alone: {pairs}.</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>superpixels {numbers}</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>{names} and {count} more</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/answers.py" />
            <source>{names} and {last}</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Detections</name>
        <message>
            <location filename="../../solar_saliency_plugin/gui/detections.py" />
            <source>Raster ▸ Solar Saliency ▸ Explain Detection… asks for the scene.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/detections.py" />
            <source>“{layer}” does not say how its polygons were made.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/detections.py" />
            <source>“{layer}” was made from {raster}, which is not there any more.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/detections.py" />
            <source>“{layer}” was made from {raster}, which does not say what it was made from.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/detections.py" />
            <source>a raster</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/detections.py" />
            <source>“{layer}” was detected in {scene}, which is not there any more.</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Engine</name>
        <message>
            <location filename="../../processing_algorithms/base.py" />
            <source>Set up the engine…</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/environment.py" />
            <source>The engine is not installed: there is no Python environment in {folder}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/environment.py" />
            <source>The engine in {folder} was made for another version of the plugin.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/environment.py" />
            <source>The environment in {folder} lacks {packages}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/narration.py" />
            <source>about {seconds} s left</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/narration.py" />
            <source>about {minutes} min left</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/narration.py" />
            <source>about {hours} h {minutes} min left</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/worker.py" />
            <source>Waiting for {method} to finish …</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/bridge/worker.py" />
            <source>Starting the engine …</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>ExplainPanel</name>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/answer_view.py" />
            <source>Click superpixels, here or on the map.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/answer_view.py" />
            <source>No answer for this, see above. All On goes back.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>A superpixel counts for what it adds to a baseline. What looks like the baseline cannot count: compare several before you believe that something does not matter.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>Compare Baselines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>Choose a row to see its values in the chart and on the map.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>{baseline} hides nothing.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>Baseline</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>Answer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>Agrees</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>Hides</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>&lt;p&gt;Spearman’s rank correlation of the values: 1 is the same order&lt;/p&gt;</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>No baseline hides what another one shows.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/baselines.py" />
            <source>But compared with {baselines}, the superpixels come in another order (agreement {values}): believe what several baselines agree on.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/charts.py" />
            <source>Waterfall of superpixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/charts.py" />
            <source>Bars of bands</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/display.py" />
            <source>The first values come in a moment …</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/drawing.py" />
            <source>That was too small for a region. {how}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/drawing.py" />
            <source>Drag from one corner of the region to the opposite one. Esc cancels.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/drawing.py" />
            <source>Draw around the region with the mouse button held down. Esc cancels.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/drawing.py" />
            <source>Click the corners of the region. A right click, a double click or Enter ends it; Backspace takes the last corner back, Esc cancels.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/drawing.py" />
            <source>A region has at least three corners. {how}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/entry.py" />
            <source>Explain Panel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/entry.py" />
            <source>Explain in the Panel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/failures.py" />
            <source>Compute Anyway</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/failures.py" />
            <source>Explain the Region Itself</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/failures.py" />
            <source>Cancelled.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/failures.py" />
            <source>What this project remembers of an explanation is damaged, or of another version of the plugin, and is left out. Explain again.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>The summary is in the clipboard.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>{path} cannot be written: {reason}. Choose another place.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Written: {path}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Explain Again</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>The files of this answer are gone: they last as long as the session of QGIS that made them. Explaining again makes them anew, and takes about as long as it did.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>It ends What If: all superpixels are on then.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Layer (GeoPackage)…</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Raster (GeoTIFF)…</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Page with Figures (HTML)…</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Table (CSV)…</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/handing_on.py" />
            <source>Export</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/message.py" />
            <source>Put this message away</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/message.py" />
            <source>Hint</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/message.py" />
            <source>Warning</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/message.py" />
            <source>Error</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/message.py" />
            <source>Question</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Explain</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Expla&amp;in</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>What I&amp;f</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Switch superpixels off and on, and see what the model says</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>All On</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>&amp;Add to Map</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>&lt;p&gt;Adds a temporary layer; to keep it, choose Export ▸ Layer (GeoPackage)…&lt;/p&gt;</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Cop&amp;y</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Copy a summary of all that is known, as text</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>E&amp;xport</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Pick a detection on the map, or draw a region around one. A few seconds later the map shows which parts of the place raised the model’s answer (red), and which ones lowered it (blue).</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Zoom to It</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Show the explained place as large as there is room</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>This shows what the model reacts to, not whether a solar farm is there.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Stop</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Starting …</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Pic&amp;k</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Click a detection on the map to see why it is there</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Draw a Rectan&amp;gle</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Drag a rectangle on the map: what is detected in it is explained</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Draw a Polygo&amp;n</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Click the corners of a region on the map; a right click ends</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Draw Freehand</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Drag around a region on the map</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Superpixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Bands</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Baselines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Me&amp;thod</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>Compared with (&amp;baseline)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/panel.py" />
            <source>N&amp;umber of superpixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/presenter.py" />
            <source>Cancel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/presenter.py" />
            <source>Putting together what there is …</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/presenter.py" />
            <source>Asking the model without each combination of bands …</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/presenter.py" />
            <source>Press “Explain” to see it with these choices.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>switched off</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>The model’s answer where everything is replaced by the baseline</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>Image</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>The model’s answer for the image</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>The model’s answer without the superpixels that are switched off</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>As switched</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>95 % interval {low} … {high}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>nothing can be said of its sign</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>{n} others</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>{n} superpixels with the smallest values: {total} together</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>What the values do not share out: this way to estimate them does not add up to the whole difference.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/rows.py" />
            <source>Not shared out</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/runs.py" />
            <source>{count} of {budget} evaluations</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/runs.py" />
            <source>It failed; View ▸ Panels ▸ Log Messages tells why.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/runs.py" />
            <source>Draw over a detection, together with what may have led to it, such as snow beside it. Or have the region itself explained: the mean of all its pixels.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/selected.py" />
            <source>Explain {detection}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/selected.py" />
            <source>“Explain” takes {detection} now, which is selected.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>No detection lies in the region: what is explained is how it bears on {detection}. To explain another detection, pick it, or draw over it.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>All pixels of the region count, detected or not: what is explained is their mean.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>Click the scene in the Layers panel and draw a region around the detection instead: the default model answers then.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>The region lies outside of what the map's coordinate system reaches.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>Draw it where the scene is.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>region at {place}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>Several scenes are shown there.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>Click the one that you mean in the Layers panel, and draw again.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>There is neither a detection in this region nor a scene that is chosen.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/subject.py" />
            <source>Click a Sentinel-2 scene in the Layers panel, or detect solar farms first; then draw again.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>outside</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>raised the answer: {value} ({share})</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>lowered the answer: {value} ({share})</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Exact up to rounding.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Its sign is not sure: the 95 % interval holds zero.</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{area} ha, {pixels} pixels</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{area} ha, 1 pixel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>It looks like the baseline, which can hide that it matters.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Probability {probability}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Probability {probability} (simulated)</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{sure}, mean of {count} detected pixels</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{sure}, mean of {count} pixels</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{sure}, of 1 detected pixel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Score {f_x} (mean logit; 0 is undecided); compared with {baseline}: {f_baseline}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Score {f_x} (mean logit; 0 is undecided); compared with {baseline}: {f_baseline}, a probability of about {probability}.</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{names} make up {share} of the effect.</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>{names} makes up {share} of the effect.</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Stopped after {count} evaluations: the intervals are wide.</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Compared with {baselines}, one does not see that the answer rests on {names}: choose “{best}” to see it.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Why {name}?</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/summary.py" />
            <source>Model {model} ({hash}), scene {scene}, seed {seed}.</source>
            <translation type="unfinished" />
        </message>
        <message numerus="yes">
            <location filename="../../solar_saliency_plugin/gui/explain_panel/what_if.py" />
            <source>Probability {before} → &lt;b&gt;{now}&lt;/b&gt;; {detected} of {pixels} pixels detected</source>
            <translation type="unfinished">
                <numerusform />
            </translation>
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/explain_panel/widgets.py" />
            <source>Open the guide</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Words</name>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Automatic</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Processor (CPU)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Graphics card (CUDA)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Nothing</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Clouds and their shadows</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Clouds, their shadows and snow</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Near: 40 m</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Wide: over 500 m</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>32 bits</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>16 bits (bfloat16)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Mixed with 16 bits</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Logits</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Probabilities</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Detected ones</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>All</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Logit</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Probability</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Mean</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Sum</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Midpoints</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Right ends</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Epsilon</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Positive parts (z⁺)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Alpha–beta</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Bands</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Superpixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Superpixels in one band</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>A part of its own</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Always there</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Always replaced by the baseline</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Compact parts that look alike (SLIC)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Parts of any shape (Felzenszwalb)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Squares</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>What looks alike anywhere (k-means)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>The polygons of a layer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Superpixels in one group of bands</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Groups of bands</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Absent: their interactions are ignored</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Present: their interactions count twice</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Both: their interactions are shared</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Smallest mask that removes it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Mask of that area that removes most</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>Area of that size that alone keeps it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../processing_algorithms/wording.py" />
            <source>under 0.1 %</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/attribution.py" />
            <source>What the image is compared with. Bare soil: one spectrum everywhere. Zero: black. Mean: the scene's mean of each band. Blur: the image itself, blurred. Surroundings: spectra drawn from around the target. Another date: a second scene of the same place. Mean and blur can hide what the model relies on: compare several.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>coastal aerosol</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>blue</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>green</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>red</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>red edge</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>near infrared</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>narrow near infrared</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>water vapour</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>cirrus</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/band_words.py" />
            <source>short-wave infrared</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/region_shap.py" />
            <source>How many superpixels.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>bare soil</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>zero</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>mean of the scene</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>blurred image</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>surroundings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>another date</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>Exactly, from all coalitions</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>Regression on a Gaussian process</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>KernelSHAP, paired leverage scores</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>Permutations in pairs</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>Shapley value sampling</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>L-Shapley: neighbours only</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>LIME, for comparison: no Shapley values</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>How the values are found. auto: exactly where that is cheap, else by regression on a Gaussian process, which was the best of all on solar farms; where one pixel sees more than a hundred superpixels, by showing them one after the other in random orders. LIME's values are no Shapley values and do not add up; nor do those of L-Shapley.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/contract/shapley_words.py" />
            <source>The model sees {metres} m around each pixel: what lies farther away from those that are explained cannot matter and was left out.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/picking.py" />
            <source>There are no detections on the map: Raster ▸ Solar Saliency ▸ Detect Solar Farms… makes them.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/picking.py" />
            <source>There is no detection. Click inside an outline of a layer of detections that is visible.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/picking.py" />
            <source>“{layer}” cannot be read any more: its file was moved or deleted, or is damaged. If it holds your detections, repair its data source by the layer’s context menu, or detect again: Raster ▸ Solar Saliency ▸ Detect Solar Farms…</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/picking.py" />
            <source>Click the detection that you want explained.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../../solar_saliency_plugin/gui/picking.py" />
            <source>Select one detection, or pick one on the map.</source>
            <translation type="unfinished" />
        </message>
    </context>
</TS>
