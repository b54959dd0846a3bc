<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<!-- Solar Saliency: strongest band: regions outlined in red where their strongest band raised the answer, in blue where it lowered it; labelled with that band. -->
<qgis styleCategories="Symbology|Labeling|MapTips|Fields" labelsEnabled="1" version="3.22.0">
  <renderer-v2 type="RuleRenderer" symbollevels="0" enableorderby="0" forceraster="0">
    <rules key="{strongest}">
      <rule key="{raised}" symbol="raised" filter="&quot;strongest_phi&quot; &gt; 0" label="the strongest raised the answer"/>
      <rule key="{lowered}" symbol="lowered" filter="&quot;strongest_phi&quot; &lt; 0" label="the strongest lowered the answer"/>
      <rule key="{neither}" symbol="neither" filter="ELSE" label="nothing moved the answer"/>
    </rules>
    <symbols>
$symbols    </symbols>
  </renderer-v2>
  <labeling type="simple">
    <settings calloutType="simple">
      <text-style fieldName="&quot;strongest&quot; || if(&quot;strongest_phi&quot; &lt; 0, ' −', ' +') || format_number(abs(&quot;strongest_phi&quot;), $digits)" isExpression="1" textColor="255,255,255,255" fontSize="9" fontSizeUnit="Point" textOpacity="1" fontFamily="Sans Serif" namedStyle="Bold" fontWeight="75">
        <text-buffer bufferDraw="1" bufferSize="0.6" bufferSizeUnits="MM" bufferColor="26,26,26,255" bufferOpacity="1" bufferJoinStyle="128" bufferNoFill="1" bufferBlendMode="0"/>
      </text-style>
      <placement placement="8" placementFlags="10" priority="5" dist="0" distUnits="MM" polygonPlacementFlags="1" layerType="PolygonGeometry"/>
      <rendering drawLabels="1" obstacle="1" obstacleFactor="1" obstacleType="1" limitNumLabels="0" scaleVisibility="0" fontLimitPixelSize="0" upsidedownLabels="0" zIndex="0" displayAll="0" mergeLines="0" minFeatureSize="0"/>
    </settings>
  </labeling>
  <mapTip>&lt;b&gt;[% "region" %]&lt;/b&gt;&lt;br&gt;answer [% format_number("f_x", 3) %], of the baseline [% format_number("f_baseline", 3) %]$values</mapTip>
  <previewExpression>"region"</previewExpression>
</qgis>
