<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<!-- Solar Saliency: superpixels: blue lowered the answer, red raised it; clear at zero, a quarter clear from ±full on, so that the image shows; hatched where the interval holds zero. -->
<qgis styleCategories="Symbology|Labeling|MapTips|Fields" labelsEnabled="1" version="3.22.0">
  <renderer-v2 type="RuleRenderer" symbollevels="0" enableorderby="0" forceraster="0">
    <rules key="{superpixels}">
$rules    </rules>
    <symbols>
$symbols    </symbols>
  </renderer-v2>
  <labeling type="simple">
    <settings calloutType="simple">
      <text-style fieldName="if(&quot;bands&quot; = coalesce(minimum(&quot;bands&quot;), ''), &quot;number&quot;, '')" isExpression="1" textColor="255,255,255,255" fontSize="8" fontSizeUnit="Point" textOpacity="1" fontFamily="Sans Serif" fontWeight="50">
        <text-buffer bufferDraw="1" bufferSize="0.5" bufferSizeUnits="MM" bufferColor="26,26,26,255" bufferOpacity="0.8" bufferJoinStyle="128" bufferNoFill="1" bufferBlendMode="0"/>
      </text-style>
      <placement placement="4" placementFlags="10" priority="5" dist="0" distUnits="MM" polygonPlacementFlags="2" fitInPolygonOnly="1" layerType="PolygonGeometry"/>
      <rendering drawLabels="1" obstacle="0" obstacleFactor="1" obstacleType="1" limitNumLabels="0" scaleVisibility="0" fontLimitPixelSize="0" upsidedownLabels="0" zIndex="0" displayAll="0" mergeLines="0" minFeatureSize="0"/>
    </settings>
  </labeling>
  <mapTip>&lt;b&gt;[% "region" %], superpixel [% "name" %]&lt;/b&gt;&lt;br&gt;[% if("phi" &lt; 0, '−', '+') || format_number(abs("phi"), $digits) || if("standard_error" is null, '', ' ± ' || format_number(1.959964 * "standard_error", $digits)) %][% if("sign" = 'unclear', ': its sign is not clear', '') %]&lt;br&gt;[% format_number(100 * "share", 1) %] % of all that moved the answer, rank [% "rank" %]&lt;br&gt;[% format_number("area_ha", 2) %] ha</mapTip>
  <previewExpression>"region" || ', superpixel ' || "name"</previewExpression>
</qgis>
