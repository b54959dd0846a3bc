<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<!-- Solar Saliency: detections: bright outline on a dark one, so that it shows on any image; labelled with the area. -->
<qgis styleCategories="Symbology|Labeling|MapTips|Fields" labelsEnabled="1" version="3.22.0">
  <renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">
    <symbols>
      <symbol name="0" type="fill" alpha="1" clip_to_extent="1" force_rhr="0">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="line_color" type="QString" value="26,26,26,255"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="0.9"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
            <Option name="joinstyle" type="QString" value="round"/>
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option name="line_color" type="QString" value="0,229,255,255"/>
            <Option name="line_style" type="QString" value="solid"/>
            <Option name="line_width" type="QString" value="0.46"/>
            <Option name="line_width_unit" type="QString" value="MM"/>
            <Option name="joinstyle" type="QString" value="round"/>
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
  <labeling type="simple">
    <settings calloutType="simple">
      <text-style fieldName="format_number(&quot;area_ha&quot;, 1) || ' ha'" isExpression="1" textColor="255,255,255,255" fontSize="9" fontSizeUnit="Point" textOpacity="1" fontFamily="Sans Serif" namedStyle="Bold" fontWeight="75">
        <text-buffer bufferDraw="1" bufferSize="0.6" bufferSizeUnits="MM" bufferColor="26,26,26,255" bufferOpacity="1" bufferJoinStyle="128" bufferNoFill="1" bufferBlendMode="0"/>
      </text-style>
      <placement placement="8" placementFlags="10" priority="5" dist="0" distUnits="MM" polygonPlacementFlags="1" layerType="PolygonGeometry"/>
      <rendering drawLabels="1" obstacle="1" obstacleFactor="1" obstacleType="1" limitNumLabels="0" scaleVisibility="0" fontLimitPixelSize="0" upsidedownLabels="0" zIndex="0" displayAll="0" mergeLines="0" minFeatureSize="0"/>
    </settings>
  </labeling>
  <mapTip>&lt;b&gt;Detection [% "id" %]&lt;/b&gt;&lt;br&gt;[% format_number("area_ha", 2) %] ha&lt;br&gt;mean probability [% format_number("mean_probability", 2) %]&lt;br&gt;[% "date" %]</mapTip>
  <previewExpression>'Detection ' || "id"</previewExpression>
</qgis>
